"""Write the demo on the first start, and the file that names its accounts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from config.demo import ADMIN_EMAIL, DEMO_EMAIL, load_demo


class Command(BaseCommand):
    """Load the demo once; later starts change nothing."""

    help = "Write 24 simulated months for a demo account, unless they are there or DEMO_PASSWORD is empty."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load the demo and note its accounts where the start reads them."""
        password = settings.DEMO_PASSWORD
        load_demo(now=timezone.now(), password=password, say=self.stdout.write)
        path = settings.DATA_DIR / "demo-accounts.txt"
        if password and not path.exists():
            path.touch(mode=0o600)
            lines = [f"Trader  {DEMO_EMAIL}  {password}", f"Administrator  {ADMIN_EMAIL}  {password}"]
            path.write_text("\n".join(lines) + "\n")
