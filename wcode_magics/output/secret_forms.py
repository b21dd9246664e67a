"""Detection of secrets in text by the format of their kind or by randomness.

The user's own key is not known here. An error that repeats input typed in the wrong
place thus shows no key, and neither does a traceback that is sent.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

MASK = "***"

_B64 = r"[A-Za-z0-9+/_=-]"
FORMS: Mapping[str, str] = {
    "private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END|['\"]).)*(?:-----END [A-Z0-9 ]*-----)?",
    "JSON Web Token": r"\beyJ[\w-]{8,}(?:\.[\w-]+){1,4}",
    "OpenAI and its like": r"\bsk-[\w-]{8,}"
    r"|\b(?:sk|pk|rk|gsk|pplx|tvly|nvapi|xai|r8)[-_](?=[\w-]*\d)[\w-]{8,}",
    "GitHub": r"\b(?:gh[pousr]_\w{8,}|github_pat_\w{8,})",
    "GitLab": r"\bgl(?:pat|dt|rt|soat|cbt)-[\w-]{8,}",
    "Slack": r"\bx(?:ox[a-z]|app)-[\w-]{8,}",
    "Slack webhook": r"(?<=hooks\.slack\.com/services/)[\w/]{8,}",
    "Discord webhook": r"(?<=/api/webhooks/)[\w/-]{8,}",
    "Hugging Face": r"\b(?:hf|api_org)_[A-Za-z0-9]{16,}",
    "Google": r"\b(?:AIza[\w-]{12,}|ya29\.[\w-]{8,}|GOCSPX-[\w-]{8,}|1//0[\w-]{8,})",
    "AWS": r"\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,}",
    "Alibaba Cloud": r"\bLTAI\w{12,}",
    "Tencent Cloud": r"\bAKID\w{12,}",
    "Azure": r"(?<=AccountKey=)[^;\s'\"]{8,}|(?<=SharedAccessKey=)[^;\s'\"]{8,}",
    "Stripe webhook": r"\bwhsec_\w{8,}",
    "Twilio": r"\b(?:SK|AC)[0-9a-f]{32}\b",
    "SendGrid": r"\bSG\.[\w-]{8,}(?:\.[\w-]+)?",
    "npm, PyPI": r"\b(?:npm_[A-Za-z0-9]{16,}|pypi-[\w-]{16,})",
    "Databricks, Vault, Atlassian": r"\bdapi[0-9a-f]{32}|\bhv[sbr]\.[\w-]{8,}"
    r"|\bATATT3[\w=-]{8,}",
    "DigitalOcean": r"\bdo[opr]_v1_\w{8,}",
    "Shopify, Square": r"\b(?:shp(?:at|ca|pa|ss)_\w{8,}|sq0[a-z]{3}-[\w-]{8,})",
    "Linear, Notion, Figma": r"\b(?:lin_api_|secret_|ntn_|figd_)(?=[\w-]*\d)"
    r"[\w-]{8,}",
    "Telegram": r"\b\d{8,10}:[\w-]{30,}",
    "age": r"\bAGE-SECRET-KEY-\w{8,}",
    "HTTP header": r"(?<=[Bb]earer )[^\s'\"]{6,}"
    r"|(?<=[Bb]asic )(?=[a-z+/]*[A-Z0-9=])[^\s'\"]{6,}",
    "user and password of curl": r"(?<=-u )[^\s'\":]+:[^\s'\"]+"
    r"|(?<=--user )[^\s'\":]+:[^\s'\"]+",
    "password of a URL": r"(?<=://)[^\s/?#'\"]+(?=@)",
}
"""Kinds of secrets and the regular expressions that match them."""
_RANDOM = re.compile(rf"(?<![\w+/=-]){_B64}{{20,}}(?![\w+/=-])")
_HEX = re.compile(r"[0-9a-f-]+|[0-9A-F-]+")
_LEAST_HEX = 32
_TURNS, _DIGITS, _JOINTS = 0.35, 0.05, 0.1
"""Shares in random text: minimum class changes and digits, maximum ``_`` and ``-``."""


def without_forms(text: str) -> str:
    """Mask substrings that have the format of a secret."""
    return _forms().sub(MASK, text)


def without_random(text: str) -> str:
    """Mask substrings that are too mixed for a word, a name or a path."""
    return _RANDOM.sub(_random, text)


@cache
def _forms() -> re.Pattern[str]:
    """Return the pattern of all forms, which takes a millisecond to compile."""
    return re.compile("|".join(f"(?:{form})" for form in FORMS.values()), re.DOTALL)


def _random(match: re.Match[str]) -> str:
    text = match[0]
    return MASK if _is_random(text) else text


def _is_random(text: str) -> bool:
    """Return whether text is too mixed for a word, a name or a path."""
    if _HEX.fullmatch(text):
        return len(text.replace("-", "")) >= _LEAST_HEX and len(set(text)) >= 8
    kinds = [c.islower() + 2 * c.isupper() + 3 * c.isdigit() for c in text.rstrip("=")]
    if not kinds:
        return False
    pairs = pairwise(kinds)
    shares = {
        "turns": sum(one != other for one, other in pairs) / len(kinds),
        "digits": kinds.count(3) / len(kinds),
        "joints": sum(text.count(joint) for joint in "_-") / len(kinds),
    }
    mixed = shares["turns"] >= _TURNS and shares["digits"] >= _DIGITS
    return mixed and shares["joints"] <= _JOINTS
