"""Notes shown with an answer: how it began and ended, and what is missing."""

from wcode_magics.display import markdown
from wcode_magics.errors import in_shell
from wcode_magics.protocol.reply import Reply, is_answer
from wcode_magics.text import say


def badge(reply: Reply) -> str:
    """Return a warning if an answer began or ended unexpectedly, else empty."""
    return " · ".join(filter(None, (_beginning(reply), _ending(reply))))


def blank(reply: Reply) -> str:
    """Return a replacement text for an answer without visible content, else empty.

    Tokens that were counted but produced no text are reasoning, or a tool call that
    the server could not parse or that max_tokens cut off.
    """
    if not is_answer(reply):
        return say("ui.no_answer", count=f"{len(reply.text):,}")
    if reply.tool_calls or reply.refusal or not markdown.is_blank(reply.text):
        return ""
    if reply.text:
        return say("ui.blank_answer", count=f"{len(reply.text):,}")
    cut = reply.finish_reason == "length"
    if reply.reasoning:
        return say("ui.thought_until_cut" if cut else "ui.thought_only")
    counted = 0 if reply.usage is None else reply.usage.completion_tokens
    if counted <= 1:  # the end-of-text token
        return say("ui.empty_answer")
    key = "ui.empty_until_cut" if cut else "ui.empty_counted"
    return say(key, count=f"{counted:,}")


def thinking(reply: Reply) -> str:
    """Return a line on the amount of reasoning before the answer, else empty."""
    if not reply.reasoning:
        return ""
    tokens = reply.usage and reply.usage.reasoning_tokens
    if tokens:
        return say("ui.thought_tokens", count=f"{tokens:,}")
    return say("ui.thought", count=f"{len(reply.reasoning):,}")


def missing(reply: Reply) -> list[str]:
    """Return lines on requested parts that are missing or could not be parsed."""
    lines = []
    requested = reply.request.params.get("logprobs")
    if requested and reply.text and reply.logprobs is None and reply.seam is None:
        lines.append(say("ui.no_logprobs"))
    if reply.unread and is_answer(reply):
        lines.append(say("ui.unread", parts=", ".join(reply.unread)))
    return lines


def _beginning(reply: Reply) -> str:
    if reply.seam is None or reply.seam.how == "kept":
        return ""
    return say(f"ui.seam_{reply.seam.how}")


def _ending(reply: Reply) -> str:
    if reply.interrupted:
        return say(in_shell("ui.finish_interrupted"))
    if not is_answer(reply):
        return ""
    if not reply.is_whole:
        return say(in_shell("ui.finish_broken"))
    if reply.finish_reason == "length" and not reply.text:
        return say("ui.finish_no_text")
    if reply.finish_reason == "length":
        return say(in_shell("ui.finish_length"))
    if reply.finish_reason in {"content_filter", "tool_calls"}:
        return say(f"ui.finish_{reply.finish_reason}")
    if reply.finish_reason not in ("stop", None):
        return say("ui.finish_other", reason=reply.finish_reason)
    return ""
