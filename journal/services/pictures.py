"""Take in images and keep nothing but their pixels: checked by their content, turned, shrunk and written anew as WebP.

What else a file carries (EXIF, places, comments, scripts behind the image) does not come along.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from django.db import transaction
from PIL import Image, ImageOps

from journal.models import Picture, Plan, Rotation
from portfolio.domain.money import Refusal
from portfolio.services.ledger import lock

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 24_000_000
LONGEST_SIDE = 2_000
MOST_PICTURES = 6
QUALITY = 82
CONTENT_TYPE = "image/webp"

# The library's own limit only warns; sizes are read from the header and checked below before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


class PictureRefused(Refusal):
    """Say why an image cannot be taken."""


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """Hold an image as it is kept."""

    data: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """Return what tells it from others."""
        return hashlib.sha256(self.data).hexdigest()


def clean_picture(data: bytes) -> Cleaned:
    """Return an image written anew, without anything that is no pixel.

    Raises `PictureRefused` for what is no PNG, JPEG or WebP, is damaged, or is too large.
    """
    if len(data) > LARGEST_BYTES:
        raise PictureRefused(f"This file is larger than {LARGEST_BYTES // 1024 // 1024} MB: make it smaller first.")
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise PictureRefused("This image has more than 24 million pixels: make it smaller first.")
            image.load()
            return _written(image)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, struct.error) as fault:
        raise PictureRefused("This is no image that can be read: choose a PNG, JPEG or WebP.") from fault


@transaction.atomic
def add_picture(*, to: Rotation | Plan, picture: Cleaned, now: datetime, caption: str = "") -> Picture:
    """Keep an image beside a rotation or a plan; the same one again returns the first.

    Raises `PictureRefused` where there are as many as fit.
    """
    lock(to.portfolio)
    which = {"rotation" if isinstance(to, Rotation) else "plan": to}
    known = Picture.objects.filter(**which)
    same = known.filter(sha256=picture.sha256).first()
    if same is not None:
        return same
    if known.count() >= MOST_PICTURES:
        raise PictureRefused(f"Keep at most {MOST_PICTURES} images beside one decision.")
    terms = {"data": picture.data, "sha256": picture.sha256, "width": picture.width, "height": picture.height}
    words = caption.strip().replace("\x00", "")[:200]
    return Picture.objects.create(caption=words, added_at=now, **which, **terms)


def _written(image: Image.Image) -> Cleaned:
    turned = ImageOps.exif_transpose(image) or image
    flat = Image.new("RGB", turned.size, "white")
    clear = turned.convert("RGBA")
    flat.paste(clear, mask=clear.getchannel("A"))
    flat.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = BytesIO()
    flat.save(out, "WEBP", quality=QUALITY)
    return Cleaned(data=out.getvalue(), width=flat.width, height=flat.height)
