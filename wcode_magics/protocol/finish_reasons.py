"""Map finish reasons of all providers to those of the chat-completions API.

Gateways pass through the finish reason of the upstream provider. An unknown one is
kept and displayed as it is.

>>> finish("MAX_TOKENS"), finish("FinishReason.SAFETY"), finish("oddly")
('length', 'content_filter', 'oddly')
"""

from collections.abc import Mapping

FAILED = "error"
"""Finish reason of a failed answer, which did not end normally."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "stop": (
        "stop",
        *("eos", "eos_token", "stop_token", "stop_sequence"),  # TGI, Mistral, MLX
        *("end_turn", "pause_turn"),  # Anthropic
        *("complete", "completed", "finish", "finished", "end", "done", "normal"),
    ),
    "length": (
        "length",
        *("max_tokens", "max_output_tokens", "model_context_window_exceeded"),
        *("model_length", "max_length", "token_limit", "length_limit"),  # Mistral
        *("context_length", "truncated", "incomplete"),
    ),
    "tool_calls": (
        *("tool_calls", "tool_call", "tool_use"),  # Anthropic
        *("function_call", "function_calls"),
    ),
    "content_filter": (
        *("content_filter", "content_filtered", "refusal"),  # Azure, Bedrock, Anthropic
        *("sensitive", "risk_control"),  # Zhipu
        *("safety", "recitation", "blocklist", "prohibited_content"),  # Gemini
        *("spii", "image_safety", "error_toxic", "guardrail_intervened"),
    ),
    FAILED: (
        *("error", "failed", "network_error", "timeout"),  # Zhipu
        *("insufficient_system_resource", "abort", "aborted"),  # DeepSeek, vLLM
        *("cancelled", "canceled", "malformed_function_call"),
    ),
    "": ("null", "none", "finish_reason_unspecified", "unspecified", "in_progress"),
}
"""Normalized reason to provider reasons, in lower case; "" means not finished."""

_OURS = {theirs: ours for ours, words in WORDS.items() for theirs in words}


def finish(word: str | None) -> str | None:
    """Normalize a finish reason; None if the answer has not ended."""
    if not word:
        return None
    return _OURS.get(word.lower().removeprefix("finishreason."), word) or None
