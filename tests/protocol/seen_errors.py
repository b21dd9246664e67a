"""Messages of endpoints, verbatim with their source, a row for each wording."""

SEEN = (
    (
        "rate_limited",
        # Gemini calls its limit per minute a quota
        "You exceeded your current quota. Please retry in 17.5s.",
        "Rate limit reached for gpt-4o. Please try again in 20ms.",  # OpenAI
    ),
    (
        "rate_limited",
        "您当前使用该API的并发数过高，请降低并发",  # Zhipu
        "请求过于频繁，请稍后再试",
        "每分钟 tokens 超出限制",
    ),
    (
        "free_tier",
        "The free tier of the model has been exhausted.",  # DashScope
        "You have exceeded today's quota for model X",  # ModelScope
        "You are using a Trial key, which is limited to 1000 API calls",  # Cohere
        "免费额度已用完",
    ),
    (
        "credit",
        "Insufficient Balance",  # DeepSeek
        "Sorry, your account balance is insufficient",  # SiliconFlow
        "Your credit balance is too low to access the API.",  # Anthropic
        "user quota is not enough",  # one-api
        "You exceeded your current quota, please check your plan",  # OpenAI
        "Insufficient credits. Add more.",  # OpenRouter
    ),
    (
        "credit",
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
    (
        "credit",
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
    (
        "region",
        "Country, region, or territory not supported",  # OpenAI
        "User location is not supported for the API use.",  # Gemini
        "当前地区不支持访问",
    ),
    (
        "forbidden",
        "该令牌只能在指定网段使用：10.1.0.0/16，当前 ip：127.0.0.1",  # one-api
        "Your IP address is not allowed to use this key",
    ),
    (
        "filtered",
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
    (
        "model",
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
    (
        "model",
        "该令牌无权使用模型：x",  # one-api
        "当前分组 default 下对于模型 x 无可用渠道",
        "模型不存在，请检查模型代码。",  # Zhipu
    ),
    (
        "key_refused",
        "Incorrect API key provided: sk-x.",  # OpenAI
        "API key not valid. Please pass a valid API key.",  # Gemini, a 400
        "Authentication Error, Invalid proxy server token passed",  # litellm, 400
        "Authentication Fails (no such user)",  # DeepSeek
        "login fail: Please carry the API secret key",  # MiniMax
    ),
    (
        "key_refused",
        "无效的令牌",  # one-api
        "该令牌已过期",
        "该令牌状态不可用",
        "未提供令牌",
        "身份验证失败。",  # Zhipu
    ),
    (
        "context",
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
    (
        "context",
        # Zhipu, Spark
        "Prompt 超长",
        "输入长度超过模型限制",
        "token数量超过上限",
    ),
    (
        "schema_refused",
        "failed to parse grammar",  # Ollama, llama.cpp
        "Invalid schema for response_format 'answer'",  # OpenAI
        "This response_format type is unavailable now",  # DeepSeek
        "Grammar error: Unimplemented keys",  # vLLM
    ),
    (
        "rate_limited",
        "Rate limit exceeded: 5 per 1 minute",  # openai-forward
        "Requests rate limit exceeded, please try again later.",  # DashScope
        "Open api qps request limit reached",  # Baidu
    ),
)
"""The meaning, then all messages, in the order of ``error_words.WORDINGS``."""
