"""The upload button and the box for a path, as a page drives them, in ipywidgets 7 and 8 alike."""

import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from unet_edu.pictures import read_picture
from unet_edu.widgets.picture_upload import PictureUpload

VALUES = np.arange(256, dtype=np.uint8).reshape(16, 16)


def png():
    file = io.BytesIO()
    Image.fromarray(VALUES).save(file, "PNG")
    return file.getvalue()


def choose(upload, name, data):
    """What arrives from a page when a reader chooses a file."""
    note = {"name": name, "type": "image/png", "size": len(data)}
    if int(ipywidgets.__version__.split(".")[0]) == 7:
        count = upload._counter + 1
        upload.set_state({"_counter": count, "metadata": [note], "data": [memoryview(data)]})
    else:
        upload.set_state({"value": [{**note, "content": memoryview(data), "last_modified": 1_700_000_000_000}]})


@pytest.fixture
def taken():
    return []


@pytest.fixture
def widget(taken):
    return PictureUpload(lambda picture, name: taken.append((name, picture)), size=8)


def test_an_uploaded_picture_is_handed_over_as_a_small_grey_map(widget, taken):
    choose(widget.upload, "mine.png", png())
    [(name, picture)] = taken
    assert name == "mine.png"
    assert (picture == read_picture(png(), size=8)).all()
    assert "mine.png: its middle square as 8 × 8" in widget.said.value
    choose(widget.upload, "other.png", png() + b" ")
    assert [name for name, _ in taken] == ["mine.png", "other.png"]


def test_a_path_does_the_same(widget, taken, tmp_path):
    (tmp_path / "mine.png").write_bytes(png())
    widget.path.set_state({"value": f" {tmp_path / 'mine.png'} "})
    [(name, picture)] = taken
    assert name == "mine.png"
    assert (picture == read_picture(png(), size=8)).all()
    widget.path.set_state({"value": ""})
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "the file is empty"), (b"text", "no picture"), (png()[:48], "damaged")],
    ids=["empty", "text", "cut"],
)
def test_a_broken_file_is_refused_in_words_and_the_next_one_is_taken(widget, taken, data, words):
    choose(widget.upload, "<b>broken</b>.png", data)
    assert taken == []
    assert words in widget.said.value
    assert "&lt;b&gt;broken" in widget.said.value
    choose(widget.upload, "mine.png", png())
    assert len(taken) == 1
    assert words not in widget.said.value


def test_a_missing_path_is_refused_in_words(widget, taken):
    widget.path.set_state({"value": "nowhere.png"})
    assert taken == []
    assert "nowhere.png: there is no such file" in widget.said.value


@pytest.mark.parametrize(
    ("error", "words"),
    [(ValueError("three channels, please"), "three channels, please"), (KeyError("a"), "Refused. KeyError: 'a'")],
    ids=["refused", "mistaken"],
)
def test_what_the_function_refuses_is_said_too(error, words):
    def use(picture, name):
        raise error

    widget = PictureUpload(use)
    choose(widget.upload, "mine.png", png())
    assert widget.said.value == words
