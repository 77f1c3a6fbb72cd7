"""What the encoder reads: sentences on six subjects, six of each, written for this demo."""

from __future__ import annotations

#: The sentences of the encoder's model card, and their similarities as printed there.
MODEL_CARD = (
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
)
MODEL_CARD_SIMILARITIES = ((0, 1, 0.6660), (0, 2, 0.1046), (1, 2, 0.1411))

SUBJECTS: dict[str, tuple[str, ...]] = {
    "weather": (
        "A warm front will bring rain to the coast before midnight.",
        "The forecast promises three dry days and then a thunderstorm.",
        "Fog kept the ferries in harbour until the sun burned it away.",
        "It snowed so hard that the schools stayed closed on Monday.",
        "After weeks of drought, farmers were glad of the first showers.",
        "The wind turned north overnight and the temperature fell by ten degrees.",
    ),
    "cooking": (
        "Let the dough rest under a damp cloth until it has doubled in size.",
        "Fry the onions slowly; they should turn golden, not brown.",
        "She adds a spoonful of vinegar to keep the cabbage red.",
        "The soup needs salt, a little lemon juice and another ten minutes.",
        "Whisk the egg whites with sugar until they form stiff peaks.",
        "Serve the grilled fish with rice, fresh herbs and melted butter.",
    ),
    "computing": (
        "The cache stores keys and values so that nothing is computed twice.",
        "A race between two threads corrupted the counter about once a day.",
        "He rewrote the inner loop in assembly and it ran four times faster.",
        "The compiler refuses to inline functions that it cannot see.",
        "Our tests failed because the server's clock was an hour behind.",
        "Rounding every weight to four bits makes the model much smaller.",
    ),
    "football": (
        "The goalkeeper saved two penalties and the match ended in a draw.",
        "Their striker was injured ten minutes before half-time.",
        "The referee showed a red card for a tackle from behind.",
        "Thousands of fans sang in the stadium long after the final whistle.",
        "The young midfielder signed a contract for another three seasons.",
        "A late header from a corner won them the championship.",
    ),
    "medicine": (
        "The doctor prescribed antibiotics for ten days against the infection.",
        "Blood pressure should be measured after a few minutes of rest.",
        "The vaccine protects most patients for at least five years.",
        "Surgeons replaced the worn hip joint in less than two hours.",
        "A nurse changes the bandage twice a day to keep the wound clean.",
        "The trial compared the new drug with a placebo in 800 volunteers.",
    ),
    "music": (
        "The pianist played the slow movement without looking at the score.",
        "A string quartet rehearses in the church every Thursday evening.",
        "The drummer lost the beat, but the singer carried on.",
        "She tunes her violin a little higher than the orchestra does.",
        "The choir fell silent while the organ repeated the theme.",
        "His new album mixes jazz with folk songs from the islands.",
    ),
}


def sentences() -> list[str]:
    """All 36, subject by subject."""
    return [sentence for subject in SUBJECTS.values() for sentence in subject]


def passage() -> str:
    """All of them as one text, which is about 500 word pieces long."""
    return " ".join(sentences())
