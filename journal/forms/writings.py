"""Read what people write and add beside a decision: later wordings, pictures, and their own questions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from journal.models import Wording
from journal.services.pictures import LARGEST_BYTES, MOST_PICTURES, Cleaned, PictureRefused, clean_picture


class PicturesInput(forms.FileInput):
    """Choose several files at once."""

    allow_multiple_selected = True


class PicturesField(forms.FileField):
    """Several images, each read and written anew."""

    widget = PicturesInput(attrs={"accept": "image/png,image/jpeg,image/webp", "multiple": True})

    def clean(self, data: Any, initial: Any = None) -> list[Cleaned]:
        """Return the images as they are kept; the first that cannot be is named by its place."""
        files: list[UploadedFile[Any]] = [each for each in (data if isinstance(data, list | tuple) else [data]) if each]
        if not files:
            super().clean(None, initial)
        if len(files) > MOST_PICTURES:
            raise forms.ValidationError(f"Choose at most {MOST_PICTURES} images.")
        return [_cleaned(number, file) for number, file in enumerate(files, start=1)]


def _cleaned(number: int, file: UploadedFile[Any]) -> Cleaned:
    try:
        return clean_picture(file.read(LARGEST_BYTES + 1))
    except PictureRefused as refusal:
        raise forms.ValidationError(f"Image {number}: {refusal}") from refusal


class PictureForm(forms.Form):
    """Add images beside a decision."""

    pictures = PicturesField(
        label="Images",
        help_text="PNG, JPEG or WebP. They are written anew: places and other hidden data do not come along.",
        error_messages={"required": "Choose an image."},
    )


class WordingForm(forms.Form):
    """Write a reason or a note anew."""

    subject = forms.ChoiceField(choices=Wording.Subject.choices, widget=forms.HiddenInput)
    text = forms.CharField(
        label="Your note",
        help_text="Every version stays, with its date.",
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=10_000,
        required=False,
    )

    def __init__(self, *args: Any, subject: str = "", **options: Any) -> None:
        """Name what is written; two of these forms stand on one page."""
        super().__init__(*args, **{"auto_id": f"{subject or 'wording'}-%s", **options})
        if subject == Wording.Subject.THESIS:
            self.fields["text"].label = "Why, as you see it now"


class QuestionForm(forms.Form):
    """Ask yourself something on every ticket."""

    text = forms.CharField(
        label="A question to ask yourself",
        help_text="It stands on every ticket from now on, such as: Did I sleep on it?",
        max_length=200,
        error_messages={"required": "Write a question."},
    )


class EndForm(forms.Form):
    """Say why a plan is given up, or closed short."""

    reason = forms.CharField(
        label="Why",
        max_length=300,
        required=False,
        help_text="Half a sentence is enough. It stays beside the plan.",
    )
