"""BERT's tokenizer, uncased: words and signs, then the longest known pieces of each word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

#: A word of more characters than this is unknown as a whole.
_LONGEST_WORD = 100


class WordPiece:
    """Text to numbers of word pieces, with a vocabulary in the order of its numbers.

    Source: Devlin et al. 2018, "BERT"; the splitting is that of its released `BasicTokenizer`.
    """

    def __init__(self, vocabulary: Sequence[str]):
        self.number = {piece: i for i, piece in enumerate(vocabulary)}

    def __call__(self, texts: Sequence[str], longest: int = 256) -> tuple[Tensor, Tensor]:
        """Numbers [B, L] int64, padded on the right to the longest text, and which are text [B, L].

        A text has [CLS] in front and [SEP] behind, and is cut to `longest` pieces with them.
        """
        pad, cls, sep = (self.number[each] for each in ("[PAD]", "[CLS]", "[SEP]"))
        rows = [[cls, *self.pieces(text)[: longest - 2], sep] for text in texts]
        width = max(map(len, rows))
        numbers = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
        lengths = torch.tensor([len(row) for row in rows])
        return numbers, torch.arange(width) < lengths[:, None]

    def pieces(self, text: str) -> list[int]:
        """The numbers of a text, without [CLS] and [SEP]."""
        return [number for word in words(text) for number in self._of_word(word)]

    def _of_word(self, word: str) -> list[int]:
        """Greedy: the longest known piece from the left; all but the first have ## in front."""
        if len(word) > _LONGEST_WORD:
            return [self.number["[UNK]"]]
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.number:
                    found.append(self.number[piece])
                    break
            else:
                return [self.number["[UNK]"]]
            start = end
        return found


def words(text: str) -> Iterator[str]:
    """Lower-case words without accents; each sign and each Chinese character by itself."""
    word = ""
    for character in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(character)
        if category == "Mn" or character in "\0\ufffd":
            continue
        if category.startswith("C") and character not in "\t\n\r":
            continue
        alone = _is_sign(character, category) or _is_chinese(character)
        if alone or character.isspace():
            if word:
                yield word
            word = ""
            if alone:
                yield character
        else:
            word += character
    if word:
        yield word


def _is_sign(character: str, category: str) -> bool:
    """Punctuation, and every other sign that ASCII has."""
    return category.startswith("P") or (category.startswith("S") and character.isascii())


def _is_chinese(character: str) -> bool:
    blocks = (
        (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF),
        (0xF900, 0xFAFF),
        (0x20000, 0x2CEAF),
        (0x2F800, 0x2FA1F),
    )
    return any(first <= ord(character) <= last for first, last in blocks)
