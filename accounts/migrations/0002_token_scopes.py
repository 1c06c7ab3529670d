"""Give each token a list of scopes instead of one word."""

from typing import Any

from django.db import migrations, models

READING = ["read:portfolio", "read:market", "read:recommendations", "read:rotations"]
WRITING = ["write:portfolio", "write:market", "write:recommendations", "write:rotations"]


def spell_out(apps: Any, schema_editor: Any) -> None:
    """Let each token do what it could do before."""
    tokens = apps.get_model("accounts", "ApiToken").objects.all()
    tokens.update(scopes=READING)
    tokens.filter(scope="write").update(scopes=[*READING, *WRITING])


def fold(apps: Any, schema_editor: Any) -> None:
    """Say `write` again of tokens that may log rotations."""
    for token in apps.get_model("accounts", "ApiToken").objects.all():
        token.scope = "write" if "write:rotations" in token.scopes else "read"
        token.save(update_fields=["scope"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField("apitoken", "scopes", models.JSONField(default=list)),
        migrations.RunPython(spell_out, fold),
        migrations.RemoveField("apitoken", "scope"),
    ]
