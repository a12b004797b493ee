"""Write docs/permissions.md from the roles in the code."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from accounts.permissions import PERMISSIONS, ROLES, SIGNED_IN  # noqa: E402 - the path must be set first


def main() -> None:
    """Write the matrix."""
    roles = list(ROLES)
    lines = [
        "# Permissions",
        "",
        "Every route declares the permission it needs; without a declaration it answers nobody. Each person holds",
        f"`{SIGNED_IN}` and what their roles give. Written by `tools/permissions.py`.",
        "",
        "| permission | " + " | ".join(roles) + " |",
        "|---|" + "---|" * len(roles),
    ]
    for permission in sorted(PERMISSIONS - {SIGNED_IN}):
        marks = ["●" if permission in ROLES[role] else "–" for role in roles]
        lines.append(f"| `{permission}` | " + " | ".join(marks) + " |")
    (ROOT / "docs" / "permissions.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
