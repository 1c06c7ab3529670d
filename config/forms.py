"""Render every form the same way: label, help, error, control."""

from __future__ import annotations

from django.forms.renderers import TemplatesSetting


class FormRenderer(TemplatesSetting):
    """Find form and field templates among the project's own templates."""

    form_template_name = "django/forms/form.html"
    field_template_name = "django/forms/field.html"
