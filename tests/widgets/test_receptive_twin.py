"""receptive.js is held to torch by the table that receptive.py is held to, and to Python in every refusal."""

import pytest

from tests.cases import receptive_cases
from unet_edu.receptive import receptive_field

CALL = """const m = await import("/receptive.js");
return arg.map((numbers) => { try { const f = m.receptiveField(...numbers); return [f.first, f.last, f.reachFirst, f.reachLast]; } catch (error) { return error.message; } });"""


def test_javascript_sees_what_torch_sees_and_reaches_as_far_as_python(run_js):
    table = receptive_cases()
    numbers = [[case["stage"], case["index"], case["size"], case["bilinear"]] for case in table]
    for case, given, answer in zip(table, numbers, run_js(CALL, numbers), strict=True):
        assert answer[:2] == case["expect"], case
        assert answer == list(receptive_field(*given)), case


def test_javascript_refuses_in_pythons_words(run_js):
    wrong = [["outc", 0, 64], ["down4", 4, 64], ["inc", -1, 64], ["inc", 0, 15]]
    for given, answer in zip(wrong, run_js(CALL, wrong), strict=True):
        with pytest.raises(ValueError) as told:
            receptive_field(*given)
        assert answer == str(told.value)
