"""What the loopback answers to the exported programs."""

import json

from tests.languages.odd import odd_answer
from tests.loopback import Answer, completion, sse

KEY = "sk-test-0123"
TEXT = '你好，世界 🙂 "quoted" \\ 100% $x #{x}\n\u2028second\u0085line'
REFUSAL = {"error": {"message": "the key is wrong: 密钥无效", "code": 401}}
CALLS = [
    {
        "id": "call_1",
        "type": "function",
        "function": {"name": "forecast", "arguments": '{"city": "Kraków"}'},
    }
]
_SILENT = {"Bearer null": {"content": None}, "Bearer absent": {}}
BROKEN = {"error": {"message": "the model broke off"}}


def answer(seen):
    """A refusal for a wrong key; else the text, streamed where that is asked for."""
    key = seen.headers.get("authorization")
    accepted = seen.headers.get("accept-encoding", "")
    odd = odd_answer((key or "").removeprefix("Bearer "), accepted)
    if odd is not None:
        return odd
    if key == "Bearer wrong":
        return Answer([json.dumps(REFUSAL, ensure_ascii=False).encode()], status=401)
    if key in _SILENT:
        message = {"role": "assistant", "tool_calls": CALLS, **_SILENT[key]}
        return completion(message=message, finish_reason="tool_calls")
    if not seen.body.get("stream"):
        return completion(TEXT)
    return _streamed(broken=key == "Bearer breaks")


def _streamed(*, broken):
    """Events cut at odd places, with comments and a chunk without choices."""
    texts = [TEXT[start : start + 3] for start in range(0, len(TEXT), 3)]
    deltas = [{"role": "assistant", "content": None}, *({"content": t} for t in texts)]
    events = [sse({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    stop = sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = sse({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    end = [sse(BROKEN)] if broken else [stop, usage, b"data: [DONE]\n\n"]
    whole = b"".join([b": ping\n\n", *events, *end])
    pieces = [whole[start : start + 7] for start in range(0, len(whole), 7)]
    return Answer(pieces, kind="text/event-stream")
