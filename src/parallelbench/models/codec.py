"""Tokenizers: reading them from a checkpoint folder, and the codec of a model with its card's chat template and alignment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from tokenizers import AddedToken, Tokenizer

from parallelbench.contracts.denoiser import Codec
from parallelbench.errors import UserError
from parallelbench.models.cards import Card
from parallelbench.models.templates import TEMPLATES, Piece
from parallelbench.schema import Turn


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """One more than the highest id: a vocabulary may have holes."""
    return max(tokenizer.get_vocab().values()) + 1


def tokenizer_hash(tokenizer: Tokenizer) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of what a tokenizer is."""
    return sha256(tokenizer.to_str().encode()).hexdigest()[:12]


class PlainText:
    """Encodes text in which the text of a special token is content and not that token.

    A tokenizer takes the text of its special tokens for these tokens wherever it occurs, so that a word list or an answer could
    end a prompt or mask a part of it. Here such text is cut into ordinary tokens. `control` are tokens that are treated as
    special even where the tokenizer's file does not call them so; other added tokens are a part of the ordinary vocabulary.
    """

    def __init__(self, tokenizer: Tokenizer, control: Iterable[str] = ()) -> None:
        self.tokenizer = tokenizer
        added = {token.content: (at, token.special) for at, token in tokenizer.get_added_tokens_decoder().items()}
        named = [text for text in control if text in added and not added[text][1]]
        tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in named])
        tokenizer.encode_special_tokens = True
        self._ids = {text: at for text, (at, _) in added.items()}
        self._special = {at for text, (at, special) in added.items() if special or text in named}
        longest_first = sorted(filter(None, self._ids), key=len, reverse=True)
        self._markup = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text as content.

        Raises:
            UserError: the tokenizer has a special token among its ordinary ones, so that its text cannot be anything else.
        """
        ids = list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        if taken := self._special.intersection(ids):
            raise UserError(
                f"the text holds '{self.tokenizer.id_to_token(min(taken))}', which this model's tokenizer can only read as a "
                "special token; use other words."
            )
        return ids

    def encode_pieces(self, pieces: Iterable[Piece]) -> list[int]:
        """Return the ids of pieces; text between two special tokens of the markup is tokenised as a whole."""
        ids: list[int] = []
        text = ""
        for part, token in self._parts(pieces):
            if token is None:
                text += part
                continue
            ids += [*self.encode(text), token]
            text = ""
        return ids + self.encode(text)

    def _parts(self, pieces: Iterable[Piece]) -> Iterator[tuple[str, int | None]]:
        """The pieces, cut at the special tokens of the markup: (text, None) or (text of a special token, its id)."""
        for piece in pieces:
            if not piece.markup:
                yield piece.text, None
                continue
            start = 0
            for found in self._markup.finditer(piece.text):
                yield piece.text[start : found.start()], None
                yield found[0], self._ids[found[0]]
                start = found.end()
            yield piece.text[start:], None


_EACH_ROLE = (Turn("system", ""), Turn("user", ""), Turn("assistant", ""), Turn("user", ""))


class ChatCodec(Codec):
    """A tokenizer of the `tokenizers` library with a model card's chat template and alignment."""

    def __init__(self, tokenizer: Tokenizer, card: Card) -> None:
        self.tokenizer = tokenizer
        self._template = TEMPLATES[card.template]
        markup = "".join(piece.text for piece in self._template(_EACH_ROLE) if piece.markup)
        added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
        control = [text for text in added if text and (text in markup or text in (card.mask, card.pad, *card.ends))]
        self._text = PlainText(tokenizer, control)
        self._align = card.align
        self._pad = special_id(tokenizer, card.pad, card)

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        pieces = list(self._template(turns))
        ids = self._text.encode_pieces(pieces)
        padding = [self._pad] * (-len(ids) % self._align)
        return [*ids[:-1], *padding, *ids[-1:]], "".join(piece.text for piece in pieces)

    def encode(self, text: str) -> list[int]:
        return self._text.encode(text)

    def encode_markup(self, text: str) -> list[int]:
        """Return the ids of a text in which the texts of special tokens stand for these tokens."""
        return self._text.encode_pieces([Piece(text)])

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))


def special_id(tokenizer: Tokenizer, text: str, card: Card) -> int:
    """The id of a special token, as the tokenizer has it; `#ID` names one by its id.

    Raises:
        UserError: the tokenizer does not know it, or at another id than the card says.
    """
    needs = card.key or card.name
    if text.startswith("#"):
        if tokenizer.id_to_token(int(text[1:])) is None:
            raise UserError(f"the tokenizer has no token {text[1:]}, which a {needs} model needs; check its files.")
        return int(text[1:])
    found = tokenizer.token_to_id(text)
    if found is None:
        raise UserError(f"the tokenizer has no token '{text}', which a {needs} model needs; check the tokenizer.json.")
    if card.ids.get(text, found) != found:
        raise UserError(
            f"the tokenizer has '{text}' at id {found}, but {needs} models at {card.ids[text]}; check tokenizer.json."
        )
    return found
