"""The sandbox's own probabilities, by its model alone: what answers are held to."""

import json
import math

from wcode_magics.sandbox import answer, model, plan, request_body, tokenizer

END = tokenizer.END


def distribution(request, text):
    """The sandbox's own probabilities after a beginning; None where it ends."""
    messages = [*request.body["messages"]]
    data = {"model": "wcode-sandbox", "temperature": 0, "messages": messages}
    if text:
        messages.append({"role": "assistant", "content": text})
        data |= {"continue_final_message": True, "add_generation_prompt": False}
    size = tokenizer.load().size
    ask = request_body.read(json.dumps(data).encode(), size)
    decoder = model.Decoder(model.load(), plan.drafts(ask))
    if text:
        decoder.read(tokenizer.load().encode(text))
    probs = decoder.predict()
    if next(probs.ranked())[0] == tokenizer.END:
        return None
    names = tokenizer.load().bytes_of
    return [(names[n], math.exp(p), n) for n, p in answer.top(probs, 20)]
