"""Building small books for the tests of the build and of publishing."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest


def jupyter_book_build(folder, environment):
    """What `jupyter-book build` does, in this process: (exit code, output)."""
    from click.testing import CliRunner
    from jupyter_book.cli.main import build

    done = CliRunner().invoke(build, [str(folder)], env=environment)
    return done.exit_code, f"{done.output} {done.exception}"


@pytest.fixture(scope="module")
def build_book():
    """build(folder, fails, **environment) -> output: build the book in `folder` with these variables and no others named BOOK_...

    All in one other process: most of a small build is importing what it needs, and that is done once there.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:

        def build(folder, fails=False, **environment):
            without = {name: None for name in os.environ if name.startswith("BOOK_")}
            code, output = pool.submit(jupyter_book_build, folder, without | environment).result()
            assert bool(code) == fails, output
            return output

        yield build
