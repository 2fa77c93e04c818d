"""The drawn U against real networks: sizes, padding, parameters, memory, keyboard, links and the code it copies."""

import itertools
import re

import pytest
import torch

from tests.widgets.driving import run_copied_code, set_slider
from unet_edu.activations import record
from unet_edu.model import UNet
from unet_edu.shapes import unet_trace
from unet_edu.widgets import UNetTrace

NETWORKS = list(itertools.product([(1, 1), (3, 2), (5, 4)], [4, 7, 16, 64], [False, True]))
IMAGES = [(16, 16), (17, 31), (96, 101), (331, 599), (600, 600), (599, 16)]
PARAMETERS = """const { unetTrace } = await import("/shapes.js"), { stageParameters } = await import("/unet_trace.js");
    return arg.map(([n_channels, n_classes, channels, bilinear]) =>
        stageParameters(unetTrace(16, 16, n_channels, n_classes, channels, bilinear), n_channels, bilinear));"""


def open_table(page):
    page.get_by_text("All stages as a table").click()
    page.wait_for_selector(".unet-numbers td")


def read_table(page):
    """The unfolded table: stage -> list of texts."""
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-numbers tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    return {name: cells for name, *cells in rows}


def meta_network(n_channels, n_classes, channels, bilinear):
    with torch.device("meta"):
        return UNet(n_channels, n_classes, bilinear, width=channels)


def test_parameters_of_every_stage_are_those_of_the_real_network(run_js):
    cases = [(*counts, channels, bilinear) for counts, channels, bilinear in NETWORKS]
    for case, costs in zip(cases, run_js(PARAMETERS, cases), strict=True):
        net = meta_network(*case)
        counted = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
        assert {cost["name"]: cost["count"] for cost in costs} == counted, case
        assert list(counted) == [cost["name"] for cost in costs]


def test_every_term_is_one_tensor_or_the_two_of_a_batchnorm(run_js):
    for case in ((3, 2, 8, False), (3, 2, 8, True)):
        (costs,) = run_js(PARAMETERS, [case])
        net = meta_network(*case)
        for cost in costs:
            terms = [torch.Size(term).numel() for term in cost["terms"]]
            sizes = []
            for module in getattr(net, cost["name"]).modules():
                own = [p.numel() for p in module.parameters(recurse=False)]
                sizes += [sum(own)] if isinstance(module, torch.nn.BatchNorm2d) else own
            assert terms == sizes, cost


@pytest.mark.parametrize("bilinear", [False, True])
def test_table_of_the_page_equals_the_trace(mount, bilinear):
    page = mount(UNetTrace(channels=8, n_channels=1, n_classes=3, bilinear=bilinear))
    open_table(page)
    for height, width in IMAGES:
        set_slider(page, "image height", height)
        set_slider(page, "image width", width)
        shown, enters = read_table(page), f"1 × {height} × {width}"
        for stage in unet_trace(height, width, 1, 3, 8, bilinear):
            leaves = f"{stage.channels} × {stage.height} × {stage.width}"
            grown = " × ".join(map(str, stage.up)) or "–"
            pad = str(list(stage.pad)) if stage.pad else "–"
            assert shown[stage.name][:5] == [enters, grown, pad, str(stage.concat or "–"), leaves]
            enters = leaves
        memory = 4 * 8 * height * width
        assert shown["inc"][6] == (f"{memory / 2**20:.1f} MiB" if memory >= 2**20 else f"{memory / 2**10:.1f} KiB")


@pytest.mark.parametrize("bilinear", [False, True])
def test_the_drawn_boxes_say_what_torch_records(mount, bilinear):
    page = mount(UNetTrace(height=45, width=67, channels=4, bilinear=bilinear))
    net = UNet(3, 2, bilinear, width=4).eval()
    with record(net) as log, torch.no_grad():
        net(torch.zeros(1, 3, 45, 67))
    drawn = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.unet-u [data-stage]')].map(g => [g.dataset.stage, [...g.querySelectorAll('text')].map(t => t.textContent)]))"
    )
    for name, part in net.named_children():
        last = [key for key in log if key.startswith(f"{name}.")][-1]
        assert drawn[name][:2] == [name, " × ".join(map(str, log[last].shape[1:]))], part
    for level in range(1, 5):
        below = log[f"up{level}.up"].shape
        padded = log[f"up{level}.pad"].shape
        concat, pad = drawn[f"up{level}"][3:5]
        left, right, top, bottom = map(int, re.findall(r"-?\d+", pad))
        assert (padded[2] - below[2], padded[3] - below[3]) == (top + bottom, left + right)
        assert int(concat) == log[f"up{level}.concat"].shape[1]


def test_padding_is_drawn_only_where_it_adds_pixels(mount):
    page = mount(UNetTrace(height=96, width=101))
    seen = page.evaluate(
        "[...document.querySelectorAll('.unet-pad')].filter(t => t.getAttribute('visibility') === 'visible').map(t => t.textContent)"
    )
    expected = [str(list(s.pad)) for s in UNetTrace(height=96, width=101).trace if any(s.pad)]
    assert seen == expected
    assert expected
    set_slider(page, "image width", 96)
    assert page.locator(".unet-pad[visibility=visible]").count() == 0


def test_the_whole_network_is_counted_under_the_picture(mount):
    page = mount(UNetTrace())
    assert "31,037,698 parameters" in page.locator(".unet-formula").inner_text()
    page.get_by_label("bilinear", exact=True).check()
    assert "17,263,042 parameters" in page.locator(".unet-formula").inner_text()


def test_the_written_sum_is_right(mount):
    page = mount(UNetTrace(channels=12, n_channels=2, n_classes=5))
    for bilinear in (False, True):
        page.get_by_label("bilinear", exact=True).set_checked(bilinear)
        for name in UNetTrace().traits()["stage"].values:
            page.get_by_label("stage", exact=True).select_option(name)
            _, written, total = page.locator(".unet-sum").inner_text().split(" = ")
            assert eval(written.replace("·", "*")) == int(total.replace(",", ""))


def test_what_is_said_names_the_pixel_that_pooling_drops(mount):
    page = mount(UNetTrace(height=33, width=50, stage="down1"))
    assert "to 64 × 16 × 25 and drops the odd row, and" in page.locator(".unet-say").inner_text()
    page.get_by_label("stage", exact=True).select_option("down2")
    assert "drops the odd column" in page.locator(".unet-say").inner_text()
    page.get_by_label("stage", exact=True).select_option("up3")
    assert "F.pad [0, 1, 0, 0] adds a column of zeros at the right." in page.locator(".unet-say").inner_text()


def test_arrow_keys_walk_around_the_u(mount):
    page = mount(UNetTrace(stage="inc"))
    page.get_by_role("application").focus()
    chosen = []
    for key in ("Down", "Down", "Down", "Down", "Right", "Up", "Left", "Right", "Up", "Up", "Up", "Down", "Left"):
        page.keyboard.press(f"Arrow{key}")
        chosen.append(page.get_by_label("stage", exact=True).input_value())
    assert chosen[:6] == ["down1", "down2", "down3", "down4", "up1", "up2"]
    assert chosen[6:] == ["down2", "up2", "up3", "up4", "outc", "up4", "inc"]


def test_pointing_at_a_stage_chooses_it(mount):
    page = mount(UNetTrace())
    for name in ("down2", "up1", "outc"):
        page.locator(f".unet-u [data-stage={name}] text").first.hover()
        assert page.get_by_label("stage", exact=True).input_value() == name
        assert page.locator(".unet-say").inner_text().startswith(f"{name}:")


@pytest.mark.parametrize("width", [360, 700, 1280])
@pytest.mark.parametrize("state", [(600, 600, 64), (16, 16, 4), (331, 599, 64)])
def test_nothing_drawn_is_cut_off_or_smaller_than_11_pixels(mount, width, state):
    page = mount(UNetTrace(height=state[0], width=state[1], channels=state[2]), width=width)
    outside = page.evaluate(
        """() => { const u = document.querySelector('.unet-u').getBoundingClientRect();
        return [...document.querySelectorAll('.unet-u text, .unet-map')].filter(n => n.textContent !== '' || n.tagName === 'rect').filter(n => {
            const b = n.getBoundingClientRect(); return b.width && (b.left < u.left - 1 || b.right > u.right + 1 || b.top < u.top - 1 || b.bottom > u.bottom + 1); }).map(n => n.textContent || n.parentNode.dataset.stage); }"""
    )
    assert outside == []
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.unet-u text')).fontSize)") >= 11
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_picture_keeps_its_size_while_numbers_grow(mount):
    for width in (360, 1280):
        page = mount(UNetTrace(height=16, width=16), width=width)
        height = "document.querySelector('.unet').offsetHeight"
        before = page.evaluate(height)
        for stage, size in (("up1", 599), ("down4", 600), ("outc", 331)):
            page.get_by_label("stage", exact=True).select_option(stage)
            for label in ("image height", "image width"):
                set_slider(page, label, size)
            assert page.evaluate(height) == before, (width, stage, size)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"height": 33, "width": 47, "channels": 5, "n_channels": 1, "n_classes": 4, "bilinear": True, "stage": "down3"},
        {"height": 16, "width": 16, "stage": "outc"},
    ],
)
def test_copied_code_runs_and_prints_what_its_comments_say(mount, state):
    page = mount(UNetTrace(**state))
    told, _ = run_copied_code(page)
    code = page.locator("section pre").inner_text()
    assert told.splitlines() == re.findall(r"^print\(.*# (.*)$", code, re.M)
    assert len(told.splitlines()) == 4
