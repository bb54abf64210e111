"""Label ids against the data set's own table."""

import csv

from qabwnas.data import splits
from qabwnas.data.cityscapes_labels import CLASSES, IGNORED, LARGEST_ID, TRAIN_IDS
from tests.data_sets import data_file


def test_ids_and_names_are_those_of_the_data_set() -> None:
    with data_file("cityscapes/labels_all35.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["id"]) >= 0]
    assert max(int(row["id"]) for row in rows) == LARGEST_ID
    assert {int(row["id"]): int(row["trainId"]) for row in rows} == {id: int(TRAIN_IDS[id]) for id in range(34)}
    counted = sorted((row for row in rows if row["trainId"] != "255"), key=lambda row: int(row["trainId"]))
    assert [row["name"] for row in counted] == list(CLASSES)


def test_everything_else_is_ignored() -> None:
    assert splits.IGNORED == IGNORED == 255
    assert sorted(TRAIN_IDS[TRAIN_IDS != IGNORED].tolist()) == list(range(19))
    assert (TRAIN_IDS[LARGEST_ID + 1 :] == IGNORED).all()
