"""What needs no picture of a SAT question: always the first choice, and a guesser that learns from texts alone."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from mirage_core.benchmark.sat_official import item_of
from mirage_core.puzzles import sat
from mirage_core.row import Row

NUM_FOLDS = 5
INVERSE_PENALTY, MAX_ITERATIONS = 0.1, 300
GUESSER = "guesser that learns from the texts of the other items"


def sat_policies(items: Sequence[Row]) -> dict[str, list[str]]:
    """Name of a policy -> its answer to each item."""
    policies = {"first choice": [row.choices[0] for row in items], "last choice": [row.choices[-1] for row in items]}
    if len({item_of(row.id) for row in items}) >= 2 * NUM_FOLDS:
        policies[GUESSER] = guess_in_folds(items)
    return policies


def guess_in_folds(items: Sequence[Row]) -> list[str]:
    """Answers by a guesser that has seen all items but a fifth, by turns; rotations of an item stay together."""
    names = [item_of(row.id) for row in items]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    folds = np.array([numbers[name] % NUM_FOLDS for name in names])
    answers = [""] * len(items)
    for fold in range(NUM_FOLDS):
        asked = np.flatnonzero(folds == fold).tolist()
        told = guess(
            [items[place] for place in np.flatnonzero(folds != fold).tolist()], [items[place] for place in asked]
        )
        for place, answer in zip(asked, told, strict=True):
            answers[place] = answer
    return answers


def guess(known: Sequence[Row], asked: Sequence[Row]) -> list[str]:
    """Learn from some items which choice is right by words alone, and answer others.

    A choice is described by its words, alone and together with each word of the question, and by its place. The model
    is a logistic regression on differences between right and wrong choices.
    """
    # here, because every flow imports this file and scikit-learn takes seconds to load
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = DictVectorizer()
    vectorizer.fit([_features(row, place) for row in known for place in range(len(row.choices))])
    pairs = [
        (row, row.meta["right"], place)
        for row in known
        for place in range(len(row.choices))
        if place != row.meta["right"]
    ]
    right = vectorizer.transform([_features(row, place) for row, place, _ in pairs])
    wrong = vectorizer.transform([_features(row, place) for row, _, place in pairs])
    signs = np.where(np.arange(len(pairs)) % 2, 1.0, -1.0)
    differences = (right - wrong).multiply(signs[:, None]).tocsr()
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=MAX_ITERATIONS, fit_intercept=False)
    model.fit(differences, signs > 0)
    answers = []
    for row in asked:
        features = vectorizer.transform([_features(row, place) for place in range(len(row.choices))])
        answers.append(row.choices[int(np.argmax(features @ model.coef_[0]))])
    return answers


def _features(row: Row, place: int) -> Counter[str]:
    question = set(_words(sat.text_of(row.question)))
    features = Counter({f"place {place}": 1})
    for word in _words(row.choices[place]):
        features[word] += 1
        features.update(f"{asked}|{word}" for asked in question)
    return features


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())
