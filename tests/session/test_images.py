"""Images in requests: sent, counted, seen by the sandbox, kept once, replayed."""

import base64
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.loopback import completion
from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.token_counts import count_request
from wcode_magics.session.conversation import Conversation, Turn
from wcode_magics.session.session import Session
from wcode_magics.snippets import KEYS
from wcode_magics.store import Store

SEEING = "wcode-sandbox"
COLOURS = {"red": (220, 30, 30), "green": (40, 160, 60), "blue": (40, 80, 220)}


@pytest.fixture
def session(tmp_path: Path):
    """A session on the sandbox with a store of its own."""
    with Session(model=SEEING, store=str(tmp_path / "store.db"), seed=1) as made:
        yield made


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """An image in each colour, by the name of the colour."""
    paths = {name: str(tmp_path / f"{name}.jpg") for name in COLOURS}
    for number, (name, path) in enumerate(paths.items()):
        Image.new("RGB", (300 + 100 * number, 200), COLOURS[name]).save(path)
    return paths


@pytest.mark.parametrize(
    ("question", "word"), [("What do you see?", "red"), ("图里有什么？", "红")]
)
def test_the_sandbox_sees(session, files, question, word):
    """Format, size and main colour; tokens as estimated."""
    reply = session.ask(question, images=files["red"], temperature=0)
    assert "JPEG" in reply.text
    assert "300 × 200" in reply.text
    assert word in reply.text
    counted = count_request(reply.request, "sandbox")
    assert not counted.exact
    assert counted.tokens == pytest.approx(reply.usage.prompt_tokens, abs=40)
    assert reply.usage.prompt_tokens > 11 * 8


def test_rows_are_seen(session, files):
    """Each row's own image, by path and bytes; missing and bad ones in their rows."""
    from wcode_magics.tables import accessor

    accessor.register(session)
    blue = Path(files["blue"]).read_bytes()
    sky = np.full((9, 16, 3), COLOURS["blue"], dtype="uint8")
    frame = pd.DataFrame({"image": [files["red"], blue, None, "/no/such.png", sky]})
    told = frame.wcode.classify(
        "The main colour? {{ image(image) }}", [*COLOURS], progress=False
    )
    assert told["label"].tolist()[:2] == ["red", "blue"]
    assert told["label_p"].min() > 0.9
    statuses = ["ok", "ok", "skipped", "invalid", "ok"]
    assert told["label_status"].tolist() == statuses
    assert told["label"].iloc[4] == "blue"
    assert "/no/such.png" in told["label_error"].iloc[3]
    fields = frame.iloc[:2].wcode.extract(
        "{{ image(image) }}",
        {"width": "int", "colour": "text"},
        temperature=0,
        progress=False,
    )
    assert fields["width"].tolist() == [300, 500]
    assert fields["colour"].tolist() == ["red", "blue"]


def test_one_image_for_all_rows_is_kept_with_the_table(session, tmp_path):
    """Parquet keeps it, so that rows can be sent again."""
    from wcode_magics.tables import accessor

    accessor.register(session)
    frame = pd.DataFrame({"question": ["What do you see?"]})
    picture = Image.new("RGB", (64, 48), COLOURS["red"])
    told = frame.wcode.ask(
        "{{ question }}", image=picture, temperature=0, progress=False
    )
    told.to_parquet(tmp_path / "told.parquet")
    again = pd.read_parquet(tmp_path / "told.parquet").wcode.retry(
        ["ok"], progress=False
    )
    assert again["answer_status"].tolist() == ["replayed"]
    assert "64 × 48" in again["answer"].iloc[0]


def test_a_model_without_eyes_is_refused_first(session, files):
    """Nothing is read or sent, in a prompt and in a template of rows."""
    blind = "qwen/qwen-2.5-7b-instruct"
    with pytest.raises(UsageError, match="reads no images") as caught:
        session.prepare("What?", images=files["red"], model=blind)
    assert caught.value.key == "image.blind"
    with pytest.raises(UsageError, match="reads no images"):
        session.prepare("{{ image(photo) }}", model=blind)


def test_an_endpoint_that_refuses_tells_in_one_line(loopback, tmp_path, files):
    """Of a model whose abilities nobody knows, the endpoint decides."""
    said = b'{"error":{"message":"image_url is not supported by this model"}}'
    server = loopback(type(completion())([said], status=400))
    with Session(base_url=server.url, model="m", store=str(tmp_path / "s.db")) as own:
        with pytest.raises(WcodeError, match="image_url is not supported") as caught:
            own.ask("What?", images=files["red"])
        assert "\n" not in str(caught.value)
    parts = server.seen[-1].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]
    head, data = parts[0]["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data) == Path(files["red"]).read_bytes()


def test_each_image_is_kept_once_and_follows_its_answers(session, files, tmp_path):
    """Rows refer to it; replay, export, import and prune carry it."""
    data = Path(files["red"]).read_bytes()
    for question in ("What is it?", "Which colour?"):
        reply = session.ask(question, images=files["red"])
    digest = reply.request.images[0].digest
    store = session.store
    assert store.image(digest) == data
    again = session.ask("Which colour?", images=[files["red"]])
    assert (again.source, again.text) == ("replayed", reply.text)
    held = [request for request in store.recorded() if request.images]
    assert {one.images[0].digest for one in held} == {digest}
    assert {one.images[0].data for one in held} == {b""}
    assert reply.request.hash in {one.hash for one in held}
    other, third = tmp_path / "other.db", tmp_path / "third.db"
    store.export(other)
    with Store(third) as taken:
        taken.absorb(other)
        assert taken.image(digest) == data
        assert taken.get(reply.request, None).text == reply.text
        taken.prune(keep=1)
        assert taken.image(digest) == data
        taken.prune(keep=0)
        assert taken.image(digest) is None


def test_conversations_keep_their_images(session, files):
    """In memory, in a file, and in OpenAI's format."""
    chat = session.chat("eyes")
    chat.ask("What is it?", images=files["green"])
    prepared = chat.prepare("And its size?")
    assert len(prepared.request.images) == 1
    held = chat.conversation
    assert Turn.from_dict(held.turns[0].to_dict()) == held.turns[0]
    loaded = Conversation.from_json("eyes", held.to_json())
    assert loaded.messages[0].images[0].data == held.messages[0].images[0].data
    assert loaded.messages[0].content == "What is it?"


def test_programs_carry_the_image(session, files):
    """In every language the body has the whole data URL."""
    prepared = session.prepare("What is it?", images=files["red"])
    (image,) = prepared.request.images
    reply = session.ask(prepared)
    for key in KEYS:
        bare = "".join(reply.code(key).split('"')).replace("\n", "").replace(" ", "")
        assert image.address.replace(" ", "") in bare, key


def test_a_request_survives_its_plain_form():
    """With the bytes, and with the digest alone, it has the same hash."""
    image = ImagePart("", b"\x89PNG", "image/png", 1, 1, "ab" * 32, "a.png")
    from wcode_magics.protocol.messages import Message

    request = Request("m", (Message("user", "x", images=(image,)),))
    again = Request.from_dict(request.to_dict())
    assert again == request
    assert again.hash == request.hash
    assert again.content() == request.content()
