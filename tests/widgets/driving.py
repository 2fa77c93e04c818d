"""How tests of widgets read and move what stands on a page."""

import contextlib
import io


def say(page):
    """The sentence under the picture."""
    return page.locator(".unet-say").inner_text()


def set_slider(page, label, value):
    """Drag the slider to a value in one go."""
    page.get_by_label(label, exact=True).evaluate(
        "(node, v) => { node.value = v; node.dispatchEvent(new Event('input', {bubbles: true})) }", str(value)
    )


def set_sliders(page, values, read="() => document.querySelector('.unet-say').innerText"):
    """Drag sliders, {label: value}, for each of the dicts in turn; what `read` gives after each, in one call."""
    return page.evaluate(
        f"""(steps) => steps.map((values) => {{
        for (const [label, value] of Object.entries(values)) {{
          const slider = [...document.querySelectorAll("input[type=range]")].find((node) => node.labels[0].textContent === label);
          slider.value = value;
          slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }}
        return ({read})(); }})""",
        values,
    )


def run_copied_code(page):
    """Unfold and run the code for the state that is shown: (what it printed, its variables)."""
    page.locator("summary", has_text="The same in PyTorch").click()
    page.wait_for_function("document.querySelector('section pre').textContent")
    told, namespace = io.StringIO(), {}
    with contextlib.redirect_stdout(told):
        exec(page.locator("section pre").inner_text(), namespace)
    return told.getvalue(), namespace
