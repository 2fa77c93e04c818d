"""The workflows against the schema, a linter for their security, the Makefile and the package's own settings."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
TARGETS = set(re.findall(r"^([a-z]\w*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def tool(name, *arguments):
    """Run a program of this environment."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    assert path, f"{name} is missing beside {sys.executable}: install requirements.txt"
    return subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def parsed(name):
    return yaml.load(TEXTS[name], yaml.BaseLoader)  # BaseLoader leaves the key `on` a word


def steps(workflow):
    return [step for job in parsed(workflow)["jobs"].values() for step in job["steps"]]


def commands(text):
    """The targets that a text asks `make` for."""
    lines = re.findall(r"^(?:exec )?make ((?:[a-z]\w*\b(?!=) ?)+)", text, re.M)
    return [word for line in lines for word in line.split()]


def test_workflows_satisfy_the_published_schema():
    assert set(TEXTS) == {"tests", "pages"}
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_finds_a_wrong_workflow(tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(TEXTS["tests"].replace("runs-on:", "runs_on:"))
    assert tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(wrong)).returncode == 1


def test_the_security_linter_finds_nothing_at_its_strictest():
    done = tool("zizmor", "--offline", "--no-progress", "--no-ignores", "--persona", "auditor", ".github")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("tests", "persist-credentials: false", "persist-credentials: true"),
        ("tests", "contents: read", "contents: write"),
        ("pages", 'PAGES_URL="$SITE"', 'PAGES_URL="${{ steps.pages.outputs.base_url }}"'),
        ("pages", "@cd2ce8fcbc39b97be8ca5fce6e763baed58fa128", "@v5"),
    ],
)
def test_the_security_linter_finds_what_we_avoid(tmp_path, name, right, wrong):
    assert right in TEXTS[name]
    (tmp_path / "wrong.yml").write_text(TEXTS[name].replace(right, wrong))
    done = tool("zizmor", "--offline", "--no-progress", "--persona", "auditor", str(tmp_path / "wrong.yml"))
    assert done.returncode > 10, done.stdout + done.stderr  # 11 to 14: findings, by severity


@pytest.mark.parametrize("name", TEXTS)
def test_every_target_that_a_workflow_makes_exists(name):
    run = "\n".join(step.get("run", "") for step in steps(name))
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").exists()
    assert set(commands(run) + commands(ci)) <= TARGETS
    assert commands(ci)[0] == "test"
    assert commands(run) == {"tests": ["unit", "package"], "pages": ["publish"]}[name]
    assert not re.search(r"\b(pip|pytest|jupyter-book)\b", run), "leave the how to the Makefile"


def test_the_whole_book_is_tested_on_linux_and_the_package_on_three_systems():
    jobs = parsed("tests")["jobs"]
    assert jobs["book"]["runs-on"] == "ubuntu-latest"
    assert [step["run"] for step in jobs["book"]["steps"] if "run" in step] == [".ci/run"]
    assert jobs["package"]["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert set(parsed("tests")["on"]) == {"push", "pull_request"}


def test_the_versions_of_python_are_the_ends_of_those_that_the_package_supports():
    asked = re.search(r'^requires-python = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    supported = [f"3.{minor}" for minor in range(30) if SpecifierSet(asked[1]).contains(f"3.{minor}.1")]
    ends = [supported[0], supported[-1]]
    assert parsed("tests")["jobs"]["package"]["strategy"]["matrix"]["python"] == ends
    named = set(re.findall(r'python-version: "(.+)"', "".join(TEXTS.values())))
    assert named == {ends[1]}


def test_pages_are_deployed_from_the_default_branch_of_whatever_repository_it_is():
    jobs = parsed("pages")["jobs"]
    assert "github.event.repository.default_branch" in jobs["build"]["if"]
    assert jobs["deploy"]["needs"] == "build"
    assert jobs["notebooks"]["needs"] == "deploy"


def test_no_owner_and_no_host_is_named():
    for name, text in TEXTS.items():
        assert not re.search(r"https?:|github\.(com|io)|\bmain\b|\bmaster\b", text), name
        actions = {step["uses"].partition("@")[0] for step in steps(name) if "uses" in step}
        assert all(action.startswith("actions/") for action in actions)


def test_only_the_jobs_that_publish_may_write():
    assert parsed("tests")["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in parsed("tests")["jobs"].values())
    assert parsed("pages")["permissions"] == {}
    writes = {
        job: [scope for scope, right in spec["permissions"].items() if right == "write"]
        for job, spec in parsed("pages")["jobs"].items()
    }
    assert writes == {"build": [], "deploy": ["pages", "id-token"], "notebooks": ["contents"]}


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it():
    for text in TEXTS.values():
        for line in re.findall(r"uses: (.+)", text):
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_one_action_has_one_pin():
    pins = dict(re.findall(r"uses: (\S+)@(\w+)", "".join(TEXTS.values())))
    assert len(set(re.findall(r"uses: (\S+@\w+)", "".join(TEXTS.values())))) == len(pins)
