"""``%wcode_chats`` and ``%wcode_reset``: the conversations of a notebook."""

import shlex

from wcode_magics.display.text_table import TextTable, shown_value
from wcode_magics.errors import OptionError, UsageError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState, agrees, show_note
from wcode_magics.protocol.parameters import hint
from wcode_magics.text import say


def wcode_chats(home: ShellState, line: str) -> None:
    """List the conversations; show, save or load one."""
    words = _words(line)
    if not words:
        _list(home)
    elif len(words) == 1:
        _show(home, words[0])
    else:
        _carry(home, *words)


def wcode_reset(home: ShellState, line: str) -> None:
    """Delete the named conversations, or all if the user confirms or with ``--yes``."""
    chats = home.session.chats
    known = [*chats.names(), *chats.damaged()]
    words = _words(line)
    named = [word for word in words if word != "--yes"] or known
    for name in named:
        _refuse_unknown(name, known)
    if known and not words:
        question = say("ui.chats_forget_ask", names=", ".join(known))
        if not agrees(question):
            raise UsageError("chat.not_deleted")
    for name in named:
        chats.forget(name)
    shown = ", ".join(named)
    show_note(say("ui.chat_forgotten", names=shown) if named else say("ui.chats_none"))


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        raise OptionError("open_quote", given=line.strip()[:40]) from None


def _refuse_unknown(name: str, known: list[str]) -> None:
    if name not in known:
        near = hint(name, known) or say("ui.chats_none")
        raise UsageError("chat.no_chat", given=name, hint=near)


def _list(home: ShellState) -> None:
    chats = home.session.chats
    held = [chats[name] for name in chats.names()]
    damaged = chats.damaged()
    if not held and not damaged:
        show_note(say("ui.chats_none"))
        return
    rows = [
        (
            one.name,
            str(len(one.turns)),
            f"{one.turns[-1].total_tokens or 0:,}",
            shown_value(one.turns[-1].messages[-1].content or ""),
        )
        for one in held
    ]
    rows += [(name, "–", "–", str(error)) for name, error in damaged.items()]
    heads = ("name", "chat_turns", "chat_tokens", "chat_last")
    show_bundle(TextTable([say(f"ui.{head}") for head in heads], rows).bundle())


def _show(home: ShellState, name: str) -> None:
    chats = home.session.chats
    _refuse_unknown(name, chats.names())
    rows = [
        (str(row["turn"]), row["role"], shown_value(row["content"] or row["tool"]))
        for row in chats[name].rows()
    ]
    heads = ("chat_turn", "chat_role", "chat_message")
    show_bundle(TextTable([say(f"ui.{head}") for head in heads], rows).bundle())


def _carry(home: ShellState, name: str, word: str, path: str = "", *_more: str) -> None:
    if word not in {"--save", "--load"}:
        raise OptionError("no_option_of", given=word, known="--save · --load")
    if not path:
        raise OptionError("value_missing", name=word, allowed="PATH")
    chat = home.session.chat(name)
    if word == "--save":
        _refuse_unknown(name, home.session.chats.names())
        chat.save(path)
        show_note(say("ui.chat_saved", name=name, path=path))
        return
    chat.load(path)
    show_note(say("ui.chat_loaded", name=name, count=len(chat.conversation.turns)))
