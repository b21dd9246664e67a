"""Table of error codes and messages of endpoints, and what they mean.

The HTTP status alone is ambiguous: an exhausted account is reported as 400, 401, 402,
403 and 429, an unknown model as 400, 404 and 503, an invalid key as 400. So codes take
precedence over messages, and messages over the status. A ``meaning`` is a key of
:data:`MEANINGS`; ``seen`` quotes observed messages verbatim, with their source.

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
    """Message pattern, matched ignoring case, and the messages ``seen`` for it.

    ``statuses`` limits it to these statuses; empty means any.
    """

    meaning: str
    pattern: str
    seen: tuple[str, ...]
    statuses: frozenset[int] = frozenset()


_TIME = r"\d[\d.]* ?(ms|s|m|h|sec|min)"
WORDINGS = (
    Wording(
        "rate_limited",
        rf"(retry|try again) (in|after) {_TIME}",
        (
            # Gemini calls its limit per minute a quota
            "You exceeded your current quota. Please retry in 17.5s.",
            "Rate limit reached for gpt-4o. Please try again in 20ms.",  # OpenAI
        ),
        frozenset({429}),
    ),
    Wording(
        "rate_limited",
        "每分钟|每秒|请求.{0,6}(频繁|过多|过快)|限流|并发.{0,12}(超|上限|限制|过高)",
        (
            "您当前使用该API的并发数过高，请降低并发",  # Zhipu
            "请求过于频繁，请稍后再试",
            "每分钟 tokens 超出限制",
        ),
    ),
    Wording(
        "free_tier",
        r"free (tier|quota|trial).{0,60}(exhausted|used up|exceeded|expired|ended)"
        r"|exceeded today's quota|trial key.{0,20}limited"
        "|免费(额度|试用|配额).{0,12}(用完|用尽|耗尽|过期|到期|不足)",
        (
            "The free tier of the model has been exhausted.",  # DashScope
            "You have exceeded today's quota for model X",  # ModelScope
            "You are using a Trial key, which is limited to 1000 API calls",  # Cohere
            "免费额度已用完",
        ),
    ),
    Wording(
        "credit",
        r"insufficient.{0,20}(quota|balance|credit|fund)"
        r"|(balance|credits?|quota)( is| are)? (insufficient|not enough|too low)"
        r"|exceeded.{0,12}current quota|quota.{0,12}(used up|exhausted)",
        (
            "Insufficient Balance",  # DeepSeek
            "Sorry, your account balance is insufficient",  # SiliconFlow
            "Your credit balance is too low to access the API.",  # Anthropic
            "user quota is not enough",  # one-api
            "You exceeded your current quota, please check your plan",  # OpenAI
            "Insufficient credits. Add more.",  # OpenRouter
        ),
    ),
    Wording(
        "credit",
        "(余额|余量|额度|积分|点数|配额|资源包)"
        r".{0,12}(不足|用尽|用完|耗尽|为 ?0(?![.\d]))"
        "|欠费|预扣费.{0,4}失败",
        (
            "预扣费额度失败, 用户剩余额度: ¥0.1, 需要预扣费额度: ¥0.2",  # New API
            "账户可用余额为0",
            "资源包余量已用尽",  # Hunyuan
            "余额不足，请充值",
            "用户额度不足, 剩余额度: ¥0.000000",  # one-api
            "该令牌额度已用尽",
            "令牌 work（#7）额度已用尽",
            "令牌额度不足",
            "您的账户已欠费，请充值后重试。",  # Zhipu
        ),
    ),
    Wording(
        "credit",
        r"account is in good standing|account.{0,60}suspended"
        r"|(used|spent) all.{0,20}credits|spending limit|out of credits"
        r"|requires? more credits|billing.{0,12}(limit|not active)"
        r"|no remaining quota|key limit exceeded|(monthly|weekly|daily) usage limit"
        r"|over budget|budget has been exceeded|overdue|have any credits",
        (
            "Key limit exceeded (total limit). Manage it.",  # OpenRouter
            "The request failed because your account has an overdue balance.",  # Ark
            "Your newly created team doesn't have any credits yet.",  # xAI
            "Your account has reached its monthly usage limit",
            "This token has no remaining quota",
            "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",  # litellm
            "Access denied, please make sure your account is in good standing.",
            "Your account org-1 <ak-1> is suspended, please recharge",  # Moonshot
            "Your team has either used all available credits.",  # xAI
            "Your team has reached its monthly spending limit.",
            "This request requires more credits, or fewer max_tokens.",  # OpenRouter
        ),
    ),
    Wording(
        "region",
        r"(country|region|territory|location).{0,40}(not (supported|available|allowed)"
        r"|unsupported)|not (supported|available).{0,12}your (country|region|location)"
        "|(地区|区域|国家).{0,12}(不支持|不可用|受限|无法)",
        (
            "Country, region, or territory not supported",  # OpenAI
            "User location is not supported for the API use.",  # Gemini
            "当前地区不支持访问",
        ),
    ),
    Wording(
        "forbidden",
        "网段|白名单"
        r"|\bip\b.{0,40}(not (allowed|permitted|authorized)|(allow|white).?list)",
        (
            "该令牌只能在指定网段使用：10.1.0.0/16，当前 ip：127.0.0.1",  # one-api
            "Your IP address is not allowed to use this key",
        ),
    ),
    Wording(
        "filtered",
        r"content.?(filter|policy|management policy|audit)|flagged|moderation"
        r"|blocked by.{0,20}guardrail|new_sensitive"
        r"|inappropriate content|content exists risk|considered high risk"
        r"|sensitive.?(content|word|info)|data.?inspection"
        "|敏感(内容|词|信息)|违规|内容.{0,6}违反|内容安全|审核(未|不)通过",
        (
            "Input was flagged",  # OpenRouter
            "The request was blocked by our guardrails",
            "input content audit failed",  # Spark
            "input new_sensitive",  # MiniMax
            "内容违反平台规定",  # Hunyuan
            "Content Exists Risk",  # DeepSeek
            "The input text may contain sensitive information.",  # Volcengine
            "Input data may contain inappropriate content.",  # DashScope
            "The request was rejected because it was considered high risk",  # Moonshot
            "系统检测到输入或生成内容可能包含不安全或敏感内容",  # Zhipu
            "The prompt triggered our content management policy.",  # Azure
        ),
    ),
    Wording(
        "model",
        r"model_not_found|models? .{0,80}(not exist|not found|unavailable)"
        r"|(no such|unknown|invalid) model\b|not a valid model|access to (the )?model"
        r"|no (endpoints|models?) (found|loaded|available)|\bmodel disabled"
        r"|(the|requested|this) model( \S+)? (is not supported|has been (deprecated"
        r"|retired|decommissioned|shut ?down))",
        (
            "Model disabled.",  # SiliconFlow
            "The requested model is not supported.",  # Copilot
            "The model `x` has been deprecated, see the list of models",  # OpenAI
            "The model `x` does not exist.",  # vLLM
            "Model Not Exist",  # DeepSeek
            'model "x" not found, try pulling it first',  # Ollama
            "x is not a valid model ID",  # OpenRouter
            "No endpoints found for x.",
            "Invalid model name passed in model=x",  # litellm
            "No models loaded. Please load a model.",  # LM Studio
            "Project does not have access to model x",  # OpenAI
        ),
    ),
    Wording(
        "model",
        "模型.{0,60}(不存在|未找到|无可用渠道|未开通|已下线)"
        "|无权(限)?(使用|访问|调用).{0,4}模型",
        (
            "该令牌无权使用模型：x",  # one-api
            "当前分组 default 下对于模型 x 无可用渠道",
            "模型不存在，请检查模型代码。",  # Zhipu
        ),
    ),
    Wording(
        "key_refused",
        r"(invalid|incorrect|wrong|expired|revoked|missing|no).{0,12}api.?key"
        r"|api.?key.{0,30}(invalid|incorrect|expired|not valid|not found|missing"
        r"|disabled|revoked|required)|authentication (error|fail)|login fail",
        (
            "Incorrect API key provided: sk-x.",  # OpenAI
            "API key not valid. Please pass a valid API key.",  # Gemini, a 400
            "Authentication Error, Invalid proxy server token passed",  # litellm, 400
            "Authentication Fails (no such user)",  # DeepSeek
            "login fail: Please carry the API secret key",  # MiniMax
        ),
    ),
    Wording(
        "key_refused",
        "无效的(令牌|密钥)|(令牌|密钥|api.?key).{0,8}(无效|过期|错误|不正确|状态不可用)"
        "|未提供令牌|(身份验证|鉴权|认证)失败",
        (
            "无效的令牌",  # one-api
            "该令牌已过期",
            "该令牌状态不可用",
            "未提供令牌",
            "身份验证失败。",  # Zhipu
        ),
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
        (
            "length of prompt_tokens must be less than max_seq_len",  # SiliconFlow
            "Your request input has exceeded the maximum context limit",  # StepFun
            "`inputs` must have less than 1024 tokens. Given: 2000",  # TGI
            "This model's maximum prompt length is 131072",  # xAI
            "the max input characters is 24000",  # Qianfan
            "Request body too large for gpt-4o model. Max size: 8000 tokens.",  # GitHub
            "total number of tokens in the prompt cannot exceed 4081",  # Cohere
            "max_tokens must be at least 1, got -5.",  # vLLM, for a prompt too long
            "The input token count (12) exceeds the maximum number of tokens allowed",
            "prompt token count of 9000 exceeds the limit of 8192",  # Copilot
            "Prompt exceeds max length",  # Zhipu
            "Input length 9000 exceeds the maximum length 8192",  # Volcengine
            "Total tokens of image and text exceed max message tokens",
            "prompt length 9000 exceeds model context",
            "This model's maximum context length is 2048 tokens.",  # vLLM
            "the request exceeds the available context size",  # llama.cpp
            "Range of input length should be [1, 30720]",  # DashScope
            "`inputs` tokens + `max_new_tokens` must be <= 1512",  # TGI
            "prompt is too long: 210000 tokens > 200000 maximum",  # Anthropic
            "Invalid request: Your request exceeded model token limit: 8192",
            "max_tokens=9000 cannot be greater than max_model_len=2048",
            "Request too large for model `x` on tokens per minute (TPM)",  # Groq
            "The input token count exceeds the maximum number of tokens",  # Gemini
        ),
    ),
    Wording(
        "context",
        "(输入|提示词?|prompt|上下文|文本|tokens? ?数).{0,20}(超长|过长|超过|超出)",
        ("Prompt 超长", "输入长度超过模型限制", "token数量超过上限"),  # Zhipu, Spark
    ),
    Wording(
        "schema_refused",
        r"grammar|(invalid|unsupported).{0,20}schema"
        r"|schema.{0,60}(not supported|unsupported|not permitted|too complex)"
        r"|response_format type is unavailable",
        (
            "failed to parse grammar",  # Ollama, llama.cpp
            "Invalid schema for response_format 'answer'",  # OpenAI
            "This response_format type is unavailable now",  # DeepSeek
            "Grammar error: Unimplemented keys",  # vLLM
        ),
    ),
    Wording(
        "rate_limited",
        r"rate.?(quota|limit)|too many requests|throttl"
        r"|(requests|tokens|rpm|tpm|qps).{0,12}(per (minute|second|day)|limit)",
        (
            "Rate limit exceeded: 5 per 1 minute",  # openai-forward
            "Requests rate limit exceeded, please try again later.",  # DashScope
            "Open api qps request limit reached",  # Baidu
        ),
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
