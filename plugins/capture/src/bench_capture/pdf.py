"""Pages as PDF: pictures without loss and without smoothing, text and lines as such."""

import io
from collections.abc import Sequence

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfdoc import PDFImageXObject
from reportlab.pdfbase.pdfmetrics import getAscentDescent
from reportlab.pdfgen.canvas import Canvas

from bench_capture.page import MILLIMETERS, Page

_FONT = "Helvetica"
_POINTS = 72.0


class _Exact(PDFImageXObject):  # type: ignore[misc]
    """A picture that a viewer is told not to smooth."""

    def format(self, document: object) -> bytes:
        """The object as it stands in the file."""
        written: bytes = super().format(document)
        return written.replace(b"/Subtype /Image", b"/Subtype /Image /Interpolate false", 1)


def write_pdf(pages: Sequence[Page], title: str) -> bytes:
    """A PDF of the pages, in their true size; the same bytes for the same pages.

    Viewers are asked to print it unscaled.
    """
    file = io.BytesIO()
    medium = pages[0].medium
    if medium.ppi is None or medium.size_mm is None:
        raise ValueError("only pages of paper have a size to print them in")
    width, height = (side / MILLIMETERS * _POINTS for side in medium.size_mm)
    unit = _POINTS / medium.ppi
    canvas = Canvas(file, pagesize=(width, height), pageCompression=1, invariant=1)
    canvas.setTitle(title)
    canvas.setCreator("bench capture sheet")
    canvas.setViewerPreference("PrintScaling", "None")
    ascent, descent = getAscentDescent(_FONT, 1.0)
    for number, page in enumerate(pages):
        for index, picture in enumerate(page.pictures):
            image = _Exact(f"picture-{number}-{index}", ImageReader(Image.fromarray(picture.pixels)))
            canvas._doc.Reference(image, canvas._doc.getXObjectName(image.name))
            canvas._doc.addForm(image.name, image)
            rows, columns = (side * picture.scale * unit for side in picture.pixels.shape[:2])
            canvas.saveState()
            canvas.transform(columns, 0, 0, rows, picture.x * unit, height - picture.y * unit - rows)
            canvas.doForm(image.name)
            canvas.restoreState()
        for bar in page.bars:
            y = height - (bar.y + bar.height) * unit
            canvas.rect(bar.x * unit, y, bar.width * unit, bar.height * unit, stroke=0, fill=1)
        for text in page.texts:
            size = text.size * unit / (ascent - descent)
            canvas.setFont(_FONT, size)
            plain = text.text.encode("cp1252", "replace").decode("cp1252")  # what the font has
            canvas.drawString(text.x * unit, height - text.y * unit - ascent * size, plain)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
