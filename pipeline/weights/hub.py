"""What goes wrong between here and the hub, in words that help."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from pipeline.errors import TokenError, WeightsError

_TOKENS_PAGE = "https://huggingface.co/settings/tokens"


@contextmanager
def explain_errors(what: str) -> Iterator[None]:
    """Turn what the hub's client raises into `WeightsError`.

    Args:
        what: Was asked for.

    Raises:
        TokenError: The hub refused the token, or asked for one.
        WeightsError: Anything else went wrong.
    """
    try:
        yield
    except GatedRepoError:
        raise TokenError(
            f"The hub wants its licence accepted before it hands out {what}. Accept it on the repository's page, "
            "signed in as the owner of HF_TOKEN, and run again."
        ) from None
    except HfHubHTTPError as error:
        raise _explain_status(error.response.status_code, what) from None
    except httpx2.HTTPError as error:
        raise WeightsError(
            f"The connection to the hub broke at {what} ({type(error).__name__}). What is there is kept; run again."
        ) from None
    except OSError as error:
        reason = "no space is left" if error.errno == errno.ENOSPC else str(error)
        raise WeightsError(f"Could not keep {what}: {reason}. Mend that and run again.") from None


def _explain_status(status: int, what: str) -> WeightsError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return TokenError(f"The hub refused HF_TOKEN ({status}) for {what}. Make one that can read at {_TOKENS_PAGE}.")
    if status == HTTPStatus.NOT_FOUND:
        return WeightsError(f"The hub has no {what}. Name another revision in weights.py of its engine.")
    return WeightsError(f"The hub answered {status} for {what}. Try again in some minutes; what is there is kept.")
