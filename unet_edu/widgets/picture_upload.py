"""A picture of the reader's own: a button and a box for a path, and words for a file that is no picture."""

from __future__ import annotations

import html
from pathlib import Path

import ipywidgets

from unet_edu.widgets.answer import in_words

WORDS = {
    "button": "Choose a picture",
    "path": "path",
    "example": "holiday.jpg",
    "taken": "{name}: its middle square as {size} × {size} grey values.",
}


class PictureUpload(ipywidgets.VBox):
    """Reads the picture that a reader chooses and calls `use(picture, name)` with it.

    `picture` is a float32 array, (size, size), from 0 to 1; see `unet_edu.pictures.read_picture`. A file that cannot
    be read, or that `use` refuses, is answered in words below the button.
    """

    def __init__(self, use, size: int = 32, **traits):
        self.upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description=WORDS["button"])
        self.upload.layout.width = "max-content"
        self.path = ipywidgets.Text(description=WORDS["path"], placeholder=WORDS["example"], continuous_update=False)
        self.said = ipywidgets.HTML()
        self._use, self._size = use, size
        self.upload.observe(self._uploaded, "value")
        self.path.observe(self._named, "value")
        super().__init__([self.upload, self.path, self.said], **traits)

    def _uploaded(self, change):
        from unet_edu.pictures import uploaded

        for name, data in uploaded(change["new"])[-1:]:
            self._take(data, name)

    def _named(self, change):
        if change["new"].strip():
            self._take(change["new"].strip())

    def _take(self, source, name=None):
        from unet_edu.pictures import read_picture

        name = name or Path(source).name
        try:
            self._use(read_picture(source, self._size, name), name)
            said = WORDS["taken"].format(name=name, size=self._size)
        except (OSError, ValueError) as error:
            said = str(error)
        except Exception as error:  # from `use`; it would end up in a log that a reader does not see
            said = in_words(error)
        self.said.value = html.escape(said, quote=False)
