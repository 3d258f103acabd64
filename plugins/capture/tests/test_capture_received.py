"""Photographed carriers as a degradation: which photo of which carrier, and what is said where there is none."""

import json
import pickle

import numpy as np
import pytest
from closed_loop import make_sheet, page_of, quick_photo, save
from PIL import Image

from bench_capture.ingest import Ingest
from bench_capture.received import CapturedFolder
from bench_capture.record import read_record
from bench_core.degradation import Channel, Shipment
from bench_core.errors import CellFailure, RequestError
from bench_core.images import digest, write_image
from bench_core.plugins import registry

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def captured(tmp_path_factory, pictures):
    """Three containers on two pages, the last one gray; three photos of the first page, one with a slot covered."""
    place = tmp_path_factory.mktemp("loop")
    containers = [pictures[0], pictures[1], pictures[2][:, :, :1].copy()]
    sheet = make_sheet(place / "sheet", containers, made_from={"plugin": "m", "dataset": "d", "seed": 5})
    work = Ingest.open(place / "sheet", place / "captured", "card", ("LaserJet", "Pixel"))
    page = page_of(place / "sheet")
    covered = quick_photo(page)
    covered[330:, : covered.shape[1] // 2 - 40] = 120
    for number, shot in enumerate([quick_photo(page), covered, quick_photo(page, angle=5)]):
        work.add(save(place / f"{number}.jpg", shot))
    return place, sheet, containers, work


@pytest.fixture
def degradation(captured):
    return CapturedFolder(str(captured[0] / "captured"))


def arrived(degradation, carrier, repeat=0, image_id=""):
    return degradation.handle(carrier, RNG, Shipment(image_id, repeat))


def test_each_photo_of_a_carrier_is_a_repeat(captured, degradation):
    place, _, containers, work = captured
    assert degradation.repeats("p1.png") == 3
    for repeat, photo in enumerate(work.record.photos):
        capture = photo.captures[1]
        received = arrived(degradation, containers[1], repeat)
        with Image.open(place / "captured" / capture.file) as image:
            assert np.array_equal(received.image, np.asarray(image))
        assert received.details["photo"] == photo.sha256[:16]
        assert received.details["matched_by"] == "qr"
        assert received.details["rms"] == capture.facts["rms"]
        json.dumps(received.details, allow_nan=False)


def test_a_failed_capture_is_a_failed_repeat_with_its_reason(captured, degradation):
    container = captured[2][0]
    assert degradation.repeats("p0.png") == 3
    assert arrived(degradation, container, 0).image.shape == container.shape
    with pytest.raises(CellFailure, match="0 of 8 markers found") as error:
        arrived(degradation, container, 1)
    assert error.value.status == "capture_failed"
    assert arrived(degradation, container, 2).image.shape == container.shape
    with pytest.raises(CellFailure, match="there are 3 photos of p0, no more"):
        arrived(degradation, container, 3)


def test_a_carrier_that_nobody_photographed_says_where_it_is(captured, degradation):
    assert degradation.repeats("p2.png") == 1
    with pytest.raises(CellFailure, match=r"no photo shows p2 \(slot 2 on page 2\)") as error:
        arrived(degradation, captured[2][2])
    assert error.value.status == "capture_failed"


def test_only_exactly_this_carrier_is_found(captured, degradation):
    other = captured[2][0].copy()
    other[0, 0, 0] ^= 1
    with pytest.raises(CellFailure, match="holds no container with these pixels; it was made from m on d, seed 5"):
        arrived(degradation, other, image_id="p0.png")  # whatever it is called
    assert degradation.repeats("elsewhere.png") == 1


def test_the_id_names_the_sheet_and_changes_with_what_was_captured(captured, degradation, tmp_path):
    place, sheet, containers, _ = captured
    assert degradation.id == f"capture:content={degradation.record.content},run={sheet.run}"
    assert CapturedFolder(str(place / "captured")).id == degradation.id
    assert Channel((degradation,)).repeats("p0.png", asked=1) == 3
    work = Ingest.open(place / "sheet", tmp_path / "more", "card")
    ids = set()
    for number in (0, 2):
        work.add(place / f"{number}.jpg")
        ids.add(CapturedFolder(str(tmp_path / "more")).id)
    assert len(ids | {degradation.id}) == 3
    work.add(save(tmp_path / "gray.jpg", quick_photo(page_of(place / "sheet", 2))))
    received = arrived(CapturedFolder(str(tmp_path / "more")), containers[2])
    assert received.image.shape == (256, 256, 1)


def test_equal_containers_share_their_photos(tmp_path, pictures):
    make_sheet(tmp_path / "sheet", [pictures[0], pictures[0]])
    work = Ingest.open(tmp_path / "sheet", tmp_path / "captured", "card")
    work.add(save(tmp_path / "a.jpg", quick_photo(page_of(tmp_path / "sheet"))))
    degradation = CapturedFolder(str(tmp_path / "captured"))
    assert degradation.repeats("p0.png") == degradation.repeats("p1.png") == 2
    first, second = (arrived(degradation, pictures[0], repeat).image for repeat in (0, 1))
    assert not np.array_equal(first, second)


def test_what_was_changed_after_it_was_captured_is_not_measured(tmp_path, pictures):
    make_sheet(tmp_path / "sheet", pictures[:1])
    work = Ingest.open(tmp_path / "sheet", tmp_path / "captured", "card")
    made = work.add(save(tmp_path / "a.jpg", quick_photo(page_of(tmp_path / "sheet"))))
    Image.fromarray(pictures[0]).save(work.folder / made.captures[0].file)
    with pytest.raises(CellFailure, match="was changed after it was captured"):
        arrived(CapturedFolder(str(work.folder)), pictures[0])


def test_it_is_registered_as_a_family_and_says_what_is_wrong_with_a_folder(captured, tmp_path):
    place = captured[0]
    made = registry().degradations.create(f"capture:{place / 'captured'}")
    assert isinstance(made, CapturedFolder)
    with pytest.raises(RequestError, match=r"no such folder; .*e\.g\. --captured captured"):
        registry().degradations.create(f"capture:{tmp_path / 'nowhere'}")
    with pytest.raises(RequestError, match=r"holds no captured\.json"):
        CapturedFolder(str(place))
    for content, said in (("{", "cannot be read"), ('{"schema": 7}', "version 7"), ('{"schema": 1}', "is damaged")):
        (tmp_path / "captured.json").write_text(content)
        with pytest.raises(RequestError, match=said) as error:
            CapturedFolder(str(tmp_path))
        assert len(error.value.problems) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"rms": 0', '"rms": NaN'),
        ('"slot": 0', '"slot": "0"'),
        ('"camera": ""', '"camera": []'),
        ('"facts": {', '"facts": [], "more": {'),
        ('"file": "p0/', '"file": "/p0/'),
        ('"notes": [', '"notes": [7,'),
    ],
)
def test_a_record_that_was_tampered_with_is_refused_in_one_line(captured, tmp_path, before, after):
    text = (captured[0] / "captured" / "captured.json").read_text()
    assert before in text
    (tmp_path / "captured.json").write_text(text.replace(before, after, 1))
    with pytest.raises(RequestError, match=r"is damaged|cannot be read") as error:
        read_record(tmp_path)
    assert "\n" not in str(error.value)


def test_a_capture_of_another_shape_is_not_measured(tmp_path, pictures):
    make_sheet(tmp_path / "sheet", pictures[:1])
    work = Ingest.open(tmp_path / "sheet", tmp_path / "captured", "card")
    made = work.add(save(tmp_path / "a.jpg", quick_photo(page_of(tmp_path / "sheet"))))
    small = pictures[0][:9, :9]
    write_image(work.folder / made.captures[0].file, small)
    text = (work.folder / "captured.json").read_text().replace(made.captures[0].pixels, digest(small))
    (work.folder / "captured.json").write_text(text)
    with pytest.raises(CellFailure, match="was changed after it was captured"):
        arrived(CapturedFolder(str(work.folder)), pictures[0])


def test_a_folder_without_any_capture_is_refused(tmp_path, pictures):
    make_sheet(tmp_path / "sheet", pictures[:1])
    work = Ingest.open(tmp_path / "sheet", tmp_path / "captured", "card")
    work.add(save(tmp_path / "a.jpg", np.zeros((1100, 1100, 3), np.uint8)))
    with pytest.raises(RequestError, match="holds no capture yet"):
        CapturedFolder(str(tmp_path / "captured"))


def test_provenance_says_what_was_printed_and_with_what(captured, degradation):
    (facts,) = degradation.provenance().values()
    assert facts["sheet"] == captured[1].run
    assert facts["notes"] == ["LaserJet", "Pixel"]
    assert facts["made_from"] == {"plugin": "m", "dataset": "d", "seed": 5}
    assert facts["photos"] == 3
    json.dumps(facts)


def test_it_travels_to_another_process(captured, degradation):
    again = pickle.loads(pickle.dumps(degradation))
    assert again.id == degradation.id
    assert np.array_equal(arrived(again, captured[2][1]).image, arrived(degradation, captured[2][1]).image)
