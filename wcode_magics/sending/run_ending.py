"""Errors that end a run of many requests, as they are common to all."""

import re
from collections import Counter
from typing import Any

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError
from wcode_magics.sending.attempt import Limits
from wcode_magics.sending.outcome import Tally
from wcode_magics.sending.retry import is_crowded

ALIKE = 20
"""Number of rows failing alike, with none successful, that stops a run."""

_FATAL = (
    e.CreditError,
    e.StoreError,
    e.SettingError,
    e.CertificateError,
    e.ClusterError,
)
_FATAL_AT_FIRST = (e.AuthenticationError, e.ForbiddenError, e.ModelError)
_PARTICULAR = re.compile(r"""\d+|"[^"]*"|'[^']*'|“[^”]*”|‘[^’]*’|「[^」]*」""")
"""Parts that vary between errors of one kind: numbers and quoted words."""


class Causes:
    """What a run has seen so far: ``served`` requests, ``good`` rows, errors alike.

    ``keep_going``: rows that fail alike do not end it.
    """

    def __init__(self, *, keep_going: bool) -> None:
        self.served = self.good = 0
        self._keep_going, self._alike = keep_going, Counter[Any]()

    def end(self, error: WcodeError, limits: Limits, tally: Tally) -> bool:
        """Return whether an error ends the run."""
        return self._is_common(error, limits, tally) or self._fails_alike(error)

    def _is_common(self, error: WcodeError, limits: Limits, tally: Tally) -> bool:
        refused = isinstance(error, e.AuthenticationError) and error.status == 401
        early = isinstance(error, _FATAL_AT_FIRST) and not self.served
        if refused or early or isinstance(error, _FATAL):
            return True
        long = is_crowded(error) and (error.facts.get("retry_after") or 0)
        if long > limits.retry.patience:
            return True
        last = self.good and tally.done >= tally.total - 1
        return not last and limits.health.is_gone(error, limits.retry)

    def _fails_alike(self, error: WcodeError) -> bool:
        """Return whether enough rows failed like this one, with none successful."""
        if self.good or self._keep_going or not isinstance(error, e.EndpointError):
            return False
        if isinstance(error, e.FilteredError):
            return False
        status = error.status if isinstance(error, e.StatusError) else 0
        kind = type(error), status, _PARTICULAR.sub("", str(error.sentence))
        self._alike[kind] += 1
        return self._alike[kind] >= ALIKE
