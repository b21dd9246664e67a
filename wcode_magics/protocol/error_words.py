"""Table of error codes and messages of endpoints, and what they mean.

The HTTP status alone is ambiguous: an exhausted account is reported as 400, 401, 402,
403 and 429, an unknown model as 400, 404 and 503, an invalid key as 400. So codes take
precedence over messages, and messages over the status. A ``meaning`` is a key of
:data:`MEANINGS`; the messages that were seen, with their source, stand in
``tests/protocol/seen_errors.py``.

>>> meaning(403, (), "用户额度不足")
'credit'
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wcode_magics import errors as e
from wcode_magics.protocol.providers import PROVIDERS

MEANINGS: Mapping[str, type[e.StatusError]] = {
    "credit": e.CreditError,
    "free_tier": e.CreditError,
    "key_refused": e.AuthenticationError,
    "forbidden": e.ForbiddenError,
    "region": e.ForbiddenError,
    "filtered": e.FilteredError,
    "model": e.ModelError,
    "context": e.ContextError,
    "too_large": e.ContextError,
    "schema_refused": e.RejectedError,
    "rate_limited": e.RateLimitError,
    "rejected": e.RejectedError,
    "server": e.ServerError,
}
"""Exception class by key of ``[errors]`` in ``locale/``."""

STATUSES: Mapping[int, str] = {
    401: "key_refused",
    402: "credit",
    403: "forbidden",
    404: "model",
    413: "too_large",
    429: "rate_limited",
    451: "region",
}
"""Meaning of a status without known code or message; else 4xx rejected, 5xx server."""

CODES: Mapping[str, str] = {
    **{code: means for row in PROVIDERS for code, means in row.codes.items()},
    "insufficient_user_quota": "credit",  # one-api, New API
    "pre_consume_token_quota_failed": "credit",
    "insufficient_balance": "credit",  # sub2api
    "budget_exceeded": "credit",  # litellm
    "tokens_limit_reached": "context",  # GitHub Models
    "model_max_prompt_tokens_exceeded": "context",  # Copilot
    "content_policy_violation": "filtered",
    "responsibleaipolicyviolation": "filtered",  # Azure
}
"""Meaning of error codes and types, in lower case: those of gateways and providers.

A provider's count anywhere, as gateways pass them on.
"""


@dataclass(frozen=True, slots=True)
class Wording:
    """Message pattern, matched ignoring case, at ``statuses``; empty: at any."""

    meaning: str
    pattern: str
    statuses: frozenset[int] = frozenset()


_TIME = r"\d[\d.]* ?(ms|s|m|h|sec|min)"
WORDINGS = (
    Wording(
        "rate_limited",
        rf"(retry|try again) (in|after) {_TIME}",
        frozenset({429}),
    ),
    Wording(
        "rate_limited",
        "每分钟|每秒|请求.{0,6}(频繁|过多|过快)|限流|并发.{0,12}(超|上限|限制|过高)",
    ),
    Wording(
        "free_tier",
        r"free (tier|quota|trial).{0,60}(exhausted|used up|exceeded|expired|ended)"
        r"|exceeded today's quota|trial key.{0,20}limited"
        "|免费(额度|试用|配额).{0,12}(用完|用尽|耗尽|过期|到期|不足)",
    ),
    Wording(
        "credit",
        r"insufficient.{0,20}(quota|balance|credit|fund)"
        r"|(balance|credits?|quota)( is| are)? (insufficient|not enough|too low)"
        r"|exceeded.{0,12}current quota|quota.{0,12}(used up|exhausted)",
    ),
    Wording(
        "credit",
        "(余额|余量|额度|积分|点数|配额|资源包)"
        r".{0,12}(不足|用尽|用完|耗尽|为 ?0(?![.\d]))"
        "|欠费|预扣费.{0,4}失败",
    ),
    Wording(
        "credit",
        r"account is in good standing|account.{0,60}suspended"
        r"|(used|spent) all.{0,20}credits|spending limit|out of credits"
        r"|requires? more credits|billing.{0,12}(limit|not active)"
        r"|no remaining quota|key limit exceeded|(monthly|weekly|daily) usage limit"
        r"|over budget|budget has been exceeded|overdue|have any credits",
    ),
    Wording(
        "region",
        r"(country|region|territory|location).{0,40}(not (supported|available|allowed)"
        r"|unsupported)|not (supported|available).{0,12}your (country|region|location)"
        "|(地区|区域|国家).{0,12}(不支持|不可用|受限|无法)",
    ),
    Wording(
        "forbidden",
        "网段|白名单"
        r"|\bip\b.{0,40}(not (allowed|permitted|authorized)|(allow|white).?list)",
    ),
    Wording(
        "filtered",
        r"content.?(filter|policy|management policy|audit)|flagged|moderation"
        r"|blocked by.{0,20}guardrail|new_sensitive"
        r"|inappropriate content|content exists risk|considered high risk"
        r"|sensitive.?(content|word|info)|data.?inspection"
        "|敏感(内容|词|信息)|违规|内容.{0,6}违反|内容安全|审核(未|不)通过",
    ),
    Wording(
        "model",
        r"model_not_found|models? .{0,80}(not exist|not found|unavailable)"
        r"|(no such|unknown|invalid) model\b|not a valid model|access to (the )?model"
        r"|no (endpoints|models?) (found|loaded|available)|\bmodel disabled"
        r"|(the|requested|this) model( \S+)? (is not supported|has been (deprecated"
        r"|retired|decommissioned|shut ?down))",
    ),
    Wording(
        "model",
        "模型.{0,60}(不存在|未找到|无可用渠道|未开通|已下线)"
        "|无权(限)?(使用|访问|调用).{0,4}模型",
    ),
    Wording(
        "key_refused",
        r"(invalid|incorrect|wrong|expired|revoked|missing|no).{0,12}api.?key"
        r"|api.?key.{0,30}(invalid|incorrect|expired|not valid|not found|missing"
        r"|disabled|revoked|required)|authentication (error|fail)|login fail",
    ),
    Wording(
        "key_refused",
        "无效的(令牌|密钥)|(令牌|密钥|api.?key).{0,8}(无效|过期|错误|不正确|状态不可用)"
        "|未提供令牌|(身份验证|鉴权|认证)失败",
    ),
    Wording(
        "context",
        r"context.{0,20}(length|size|window|limit)|max_model_len|model token limit"
        r"|range of input length|inputs?`? tokens|inputs`? must have less"
        r"|(input|prompt|request|message)s?( is| are)? too (long|large)"
        r"|exceeded model token|token count.{0,20} exceeds|reduce the length"
        r"|max_seq_len|maximum prompt length|max input (characters|tokens)"
        r"|body too large for|tokens in the prompt cannot exceed"
        r"|max_tokens must be at least 1, got -"
        r"|\b(input|prompt|message|total tokens)\b.{0,30} exceeds? .{0,20}"
        r"(length|context|tokens)\b",
    ),
    Wording(
        "context",
        "(输入|提示词?|prompt|上下文|文本|tokens? ?数).{0,20}(超长|过长|超过|超出)",
    ),
    Wording(
        "schema_refused",
        r"grammar|(invalid|unsupported).{0,20}schema"
        r"|schema.{0,60}(not supported|unsupported|not permitted|too complex)"
        r"|response_format type is unavailable",
    ),
    Wording(
        "rate_limited",
        r"rate.?(quota|limit)|too many requests|throttl"
        r"|(requests|tokens|rpm|tpm|qps).{0,12}(per (minute|second|day)|limit)",
    ),
)


def meaning(status: int, codes: Iterable[str], message: str) -> str:
    """Return the meaning of an error by its codes, its message, then its status."""
    codes = [code.lower() for code in codes]
    found = (CODES[code] for code in codes if code in CODES)
    return next(found, None) or _by_words(status, " ".join([*codes, message]))


def _by_words(status: int, words: str) -> str:
    for row in WORDINGS:
        fits = not row.statuses or status in row.statuses
        if fits and re.search(row.pattern, words, re.IGNORECASE):
            return row.meaning
    return STATUSES.get(status) or ("server" if status >= 500 else "rejected")
