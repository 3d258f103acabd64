"""From a photo to what it shows of a sheet's containers; nothing here reads or writes files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bench_capture import quality
from bench_capture.color_card import fit_correction
from bench_capture.manifest import Sheet, Slot
from bench_capture.markers import SLOT_MARKERS, Array, Points, detect_harder, enough_for_a_pose
from bench_capture.matching import find_code, match_content, similarity
from bench_capture.photos import Photo
from bench_capture.registration import LEAST_MARKERS, Pose, fit, rectify
from bench_core.images import luminance

LEAST_SIMILARITY = 0.3
"""Below this, what lies between the markers is no photo of the container, however bad."""


@dataclass(frozen=True)
class Taken:
    """What a photo gave of one slot: a picture, uint8 of the container's shape, or the reason why there is none."""

    slot: Slot
    matched_by: str
    picture: Array | None = None
    reason: str = ""
    pose: Pose | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a photo gave: of which page, of which slots, or the reason why of none."""

    page: int | None = None
    taken: tuple[Taken, ...] = ()
    reason: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _View:
    """One photo with what was found in it."""

    photo: Photo
    found: Mapping[int, Points]
    page: int | None
    searches: tuple[str, ...]
    poses: dict[int, tuple[Pose, float]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """The photo's height and width."""
        height, width = self.photo.pixels.shape[:2]
        return height, width

    def markers(self, slot: Slot) -> list[int]:
        """Which of a slot's markers were found."""
        return [marker for marker in slot.markers if marker in self.found]

    def matched_by(self, slot: Slot) -> str:
        """How it is known that the photo shows this slot."""
        return "qr" if self.page == slot.page else "markers"


@dataclass(frozen=True)
class Reader:
    """Reads photos of one sheet.

    `containers` are the sheet's, by slot, as far as they are at hand: captures are checked against them, and photos
    without markers told by them; no capture is made from them. `color` is `card`, or `none` for colors as photographed.
    """

    sheet: Sheet
    containers: Mapping[int, Array]
    color: str = "card"

    def read(self, photo: Photo) -> Reading:
        """Find the sheet's containers in a photo, and take them out of it."""
        code = find_code(photo.pixels)
        if code and code[0] != self.sheet.run:
            return Reading(reason=f"shows page {code[1]} of sheet {code[0]}, not of {self.sheet.run}")
        page = code[1] if code and self.sheet.on_page(code[1]) else None
        found, searches = detect_harder(photo.pixels, lambda seen: self._enough(seen, page))
        view = _View(photo, found, page, tuple(searches))
        for slot in self.sheet.slots:
            if len(view.markers(slot)) >= LEAST_MARKERS:
                try:
                    view.poses[slot.slot] = fit(slot.layout, found, view.shape)
                except ValueError:  # no pose: as if there were too few markers
                    continue
        taken, warnings = self._taken(view)
        if not taken:
            shown = "shows no marker, no code and no container of this sheet"
            return Reading(page, reason=shown if page is None else f"shows page {page}, but none of its markers")
        return Reading(page or taken[0].slot.page, tuple(taken), warnings=tuple(warnings))

    def _enough(self, found: Mapping[int, Points], page: int | None) -> bool:
        """Whether every slot that is in view, as far as one knows, has the markers for a pose."""
        known = {slot.slot for slot in self.sheet.on_page(page)} if page else set()
        known |= {marker // SLOT_MARKERS for marker in found} & {slot.slot for slot in self.sheet.slots}
        return bool(known) and all(enough_for_a_pose(found, slot) for slot in known)

    def _taken(self, view: _View) -> tuple[list[Taken], list[str]]:
        """What a photo gives of every slot that it is a photo of; and remarks on slots that are only at its edge."""
        taken: list[Taken] = []
        partly: list[Taken] = []
        for slot in self.sheet.slots:
            if slot.slot in view.poses:
                one = self._take(view, slot)
                outside = one.picture is None and not self._in_frame(view, slot, whole=True)
                (partly if outside else taken).append(one)
            elif self._missed(view, slot):
                taken.append(Taken(slot, view.matched_by(slot), reason=_too_few(view, slot)))
        if not taken and partly:
            return partly, []
        if not taken and (matched := self._by_content(view)):
            return [matched], []
        return taken, [f"{one.slot.container} is only partly in the photo" for one in partly]

    def _missed(self, view: _View, slot: Slot) -> bool:
        """Whether a slot without a pose should have had one: its container is in the frame, as far as one can tell."""
        in_frame = self._in_frame(view, slot)
        if in_frame is not None:
            return in_frame
        alone = view.page == slot.page and len(self.sheet.on_page(slot.page)) == 1
        return alone or bool(view.markers(slot))

    def _in_frame(self, view: _View, slot: Slot, *, whole: bool = False) -> bool | None:
        """Whether the photo holds the middle of a slot's container, or the `whole` of it.

        Judged by the slot's own pose, or by that of another slot of its page; None where there is neither.
        """
        points = quality.corners_of(slot.layout)
        points = points if whole else points.mean(axis=0, keepdims=True)
        for other in (slot, *self.sheet.on_page(slot.page)):
            if other.slot in view.poses:
                moved = points + np.subtract(slot.at, other.at)
                return quality.inside(view.poses[other.slot][0].project(moved), view.shape)
        return None

    def _take(self, view: _View, slot: Slot) -> Taken:
        layout, markers, (pose, rms) = slot.layout, view.markers(slot), view.poses[slot.slot]
        refused = Taken(slot, view.matched_by(slot), pose=pose, facts={"markers": len(markers), "rms": round(rms, 3)})
        if why := quality.flaw(layout, pose, rms, markers, view.shape):
            return replace(refused, reason=why)
        x0, y0, x1, y1 = layout.sheet
        # A photo far finer than the container is averaged, not sampled: so its noise and the printer's dots go.
        fine = max(2, int(np.ceil(pose.scale(layout))))
        sheet = rectify(view.photo.pixels, pose, x1 - x0, y1 - y0, origin=(x0, y0), supersample=fine)
        correction = fit_correction(sheet, layout)
        corrected = correction.apply(sheet)
        left, top = layout.offset
        chosen = corrected if self.color == "card" else sheet
        picture = np.ascontiguousarray(chosen[top : top + layout.height, left : left + layout.width])
        facts = quality.facts(sheet, corrected, layout, pose, rms, view.photo.focal, correction)
        facts = {"markers": len(markers), **facts}
        if slot.slot in self.containers:
            alike = similarity(picture, self.containers[slot.slot])
            facts["similarity"] = None if alike is None else round(alike, 3)
            if alike is not None and alike < LEAST_SIMILARITY:
                why = f"what is between the markers is not {slot.container} (correlation {alike:.2f}): another sheet?"
                return replace(refused, reason=why, facts=facts)
        said = quality.concerns(facts, layout, len(markers))
        if view.searches:
            said.append(f"markers were found only after searching: {', '.join(view.searches)}")
        picture = luminance(picture) if slot.channels == 1 else picture
        return replace(refused, picture=picture, facts=facts, warnings=tuple(said))

    def _by_content(self, view: _View) -> Taken | None:
        """A photo without markers gives no picture; but whose failure it is may be told from what it shows."""
        wanted = {slot.slot for slot in (self.sheet.on_page(view.page) if view.page else self.sheet.slots)}
        known = {slot: container for slot, container in self.containers.items() if slot in wanted}
        number = match_content(view.photo.pixels, known)
        slots = [slot for slot in self.sheet.slots if slot.slot == number]
        return Taken(slots[0], "content", reason=_too_few(view, slots[0])) if slots else None


def _too_few(view: _View, slot: Slot) -> str:
    return (
        f"{len(view.markers(slot))} of {len(slot.markers)} markers found, {LEAST_MARKERS} are needed: "
        "covered, cut off, blurred, in glare, or too small"
    )
