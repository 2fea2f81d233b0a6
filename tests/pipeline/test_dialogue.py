"""Who is to speak, as JSON."""

import pytest

from pipeline.dialogue import SpeakerRequest, parse_speakers
from pipeline.errors import InputError

HALF = "\\ud800"  # of a character: no answer could tell it back


@pytest.mark.parametrize("text", [f'[{{"face": 0, "audio": "{HALF}"}}]', f'[{{"face": 0, "{HALF}": 1}}]'])
def test_half_of_a_character_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Expected speakers as a list"):
        parse_speakers(text, SpeakerRequest)
