"""What the model says is sensible, in both languages."""

import time
from typing import Any

import pytest

from tests.sandbox.wire import Wire, user

ASKED = [
    ("hello", ("sandbox", "small model")),
    ("你好", ("沙盒", "模型")),
    ("Who are you?", ("not Qwen",)),
    ("你是谁？", ("不是 Qwen",)),
    ("What is the capital of Japan?", ("Tokyo",)),
    ("日本的首都是哪里？", ("东京",)),
    ("17*23 = ?", ("391",)),
    ("12 加 30 等于多少", ("42",)),
    ("What is 7 divided by 2?", ("3.5",)),
    ("Translate to Chinese: Good morning", ("早上好",)),
    ("翻译成英文：谢谢", ("Thank you",)),
    (
        "Is this review positive or negative? The screen broke, I want a refund",
        ("neg",),
    ),
    ("It leaked, I am disappointed.\n\nAnswer: one of positive / negative", ("neg",)),
    ("屏幕坏了，很失望。\n\n只回答下列标签之一，不要其他内容：正面 / 负面", ("负面",)),
    (
        "物流很快，非常满意。\n\n只回答下列标签之一，不要其他内容：正面 / 负面",
        ("正面",),
    ),
    ("判断情感（正面/负面）：物流很快，非常满意", ("正面",)),
    ("这条评论是正面还是负面？屏幕坏了，很失望", ("负面",)),
    ("Classify into sports, politics, technology: The team won the final", ("sports",)),
    ("从以下标签中选一个：投诉、咨询、表扬。\n你们的快递太慢了，我很生气", ("投诉",)),
    ("Write a Python function for Fibonacci numbers", ("```python", "- **Start**")),
    ("用 Python 反转字符串", ("```python",)),
    ("Write a haiku about the sea", ("\n",)),
    ("写一首关于秋天的诗", ("\n",)),
    ("Repeat: hello 龘 😀", ("hello 龘 😀",)),
    ("Tell me about black holes", ("black", "holes", "beyond")),
    ("What is the sentiment of this review? I hate it", ("negative",)),
    ("Is this spam, yes or no? You won a free prize, click now", ("yes",)),
    ("Rate this review from 1 to 5: great phone, love it", ("4", "5")),
    ("Extract all cities: I went from Paris to Rome", ("Paris, Rome",)),
    ("温度参数是什么意思？", ("温度",)),
    ("Hello, how are you today?", ("sandbox", "small model")),
    ("Extract the email from: write to bob@x.org today", ("bob@x.org",)),
]


@pytest.mark.parametrize(("prompt", "expected"), ASKED)
def test_answers_are_sensible(
    prompt: str, expected: tuple[str, ...], wire: Wire
) -> None:
    """At temperature 0.5 nearly every sample has what was asked for."""
    texts = [wire.chat(prompt, seed=i, temperature=0.5).text for i in range(8)]
    right = sum(any(part in text for part in expected) for text in texts)
    assert right >= 7, texts


@pytest.mark.parametrize("prompt", ["Write a long story", "写一个长故事"])
def test_a_long_story_is_long(prompt: str, wire: Wire) -> None:
    """A long story goes on for several hundred tokens, or until max_tokens."""
    answered = wire.chat(prompt, temperature=0)
    assert answered.body["usage"]["completion_tokens"] > 600
    assert wire.chat(prompt, max_tokens=100, temperature=0).finish == "length"


def test_a_summary_quotes_the_text(wire: Wire) -> None:
    """A summary is a sentence of the text that has its frequent words."""
    text = ("The board met on Monday. The board approved the budget of the school "
            "after the board had cut the budget twice. Lunch was late.")  # fmt: skip
    answered = wire.chat(f"Summarise: {text}", temperature=0)
    assert answered.text.startswith("The board approved the budget")


def test_the_system_prompt_has_its_effect(wire: Wire) -> None:
    """Manner and language of the answer follow the system prompt."""

    def ask(system: str) -> str:
        messages = [{"role": "system", "content": system}]
        return wire.chat([*messages, user("What is the capital of France?")],
                         temperature=0).text  # fmt: skip

    assert ask("You are a pirate").startswith("Arr")
    assert "巴黎" in ask("Answer in Chinese")
    assert ask("Be helpful") == "The capital of France is Paris."


def test_a_conversation_is_remembered(wire: Wire) -> None:
    """Earlier turns count: a name that was told, a question that is continued."""
    said = {"role": "assistant", "content": "Hello!"}
    named = [user("Hi, my name is Bob."), said, user("What is my name?")]
    assert "Bob" in wire.chat(named, temperature=0).text
    asked = [user("What is the capital of France?"), said, user("And of Italy?")]
    assert "Rome" in wire.chat(asked, temperature=0).text


def test_a_given_beginning_is_continued(wire: Wire) -> None:
    """With continue_final_message the answer goes on, without repeating the start."""
    ask = user("What is the capital of France?")
    for start, rest in (
        ("The capital of", " France is Paris."),
        ("The cap", "ital of"),
    ):
        answered = wire.chat(
            [ask, {"role": "assistant", "content": start}],
            continue_final_message=True, add_generation_prompt=False, temperature=0,
        )  # fmt: skip
        assert answered.text.startswith(rest)
    refused = wire.chat([ask], continue_final_message=True)
    assert refused.status == 400


@pytest.mark.parametrize("role", ["system", "developer"])
def test_parts_and_roles_are_understood(role: str, wire: Wire) -> None:
    """Text parts count as text, the developer as the system."""
    parts = [{"type": "text", "text": "What is the capital"},
             {"type": "text", "text": " of Spain?"}]  # fmt: skip
    messages: list[Any] = [
        {"role": role, "content": "Answer in Chinese"},
        {"role": "user", "content": parts},
    ]
    assert "马德里" in wire.chat(messages, temperature=0).text


def test_unknown_fields_are_ignored(wire: Wire) -> None:
    """A field that the sandbox does not know changes nothing."""
    assert (
        wire.chat("hi", seed=1, foo=[1], user="me").text == wire.chat("hi", seed=1).text
    )


@pytest.mark.parametrize(
    "word", ["a", "a ", "a, ", "1", "{", '"', "好", " ", "either, "]
)
def test_odd_prompts_do_not_stall(word: str, wire: Wire) -> None:
    """Long prompts of one kind of character are answered soon, JSON or not."""

    def work(word: str) -> float:
        """Seconds of the processor's time, which other programs do not add to."""
        prompt = "json " + word * (30_000 // len(word))
        begun = time.process_time()
        for form in ("text", "json_object"):
            answered = wire.chat(prompt, max_tokens=5, response_format={"type": form})
            assert answered.status == 200
        return time.process_time() - begun

    words = "The board met on Monday and approved the budget of the school. "
    work(words)
    assert work(word) < min(3, 20 * work(words))
