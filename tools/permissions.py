"""Write docs/permissions.md from the roles in the code."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from accounts.permissions import PERMISSIONS, ROLES, SIGNED_IN, Kind  # noqa: E402 - the path must be set first


def main() -> None:
    """Write the matrix."""
    roles = list(ROLES)
    lines = [
        "# Permissions",
        "",
        "Every route declares the permission it needs; without a declaration it answers nobody. Each person holds",
        f"`{SIGNED_IN}` and what their roles give. Written by `tools/permissions.py`.",
        "",
        "● in the whole organization · ◐ only where the role is given for · ○ one's own only · – no",
        "",
        "A role is given everywhere, or for one unit (with those below it) or one course; there it allows what the",
        "last column says can be limited so, and what concerns nobody else (`catalog.browse`, `learn`). Whoever has",
        "reports is a manager of everybody below them in the line, without being given the role; so is, on these days,",
        "whoever stands in for somebody who has. An instructor's role is given for courses. Nobody gives a role that",
        "allows more than they may do themselves in the whole organization.",
        "",
        "| permission | " + " | ".join(roles) + " | limited to |",
        "|---|" + "---|" * (len(roles) + 1),
    ]
    for code, permission in sorted(PERMISSIONS.items()):
        own = "○" if permission.is_own else "–"
        marks = [ROLES[role][code].value if code in ROLES[role] else own for role in roles if role != "integration"]
        limits = ", ".join(kind.value for kind in Kind if kind in permission.limits) or "–"
        lines.append(f"| `{code}` | " + " | ".join([*marks, "–"]) + f" | {limits} |")
    (ROOT / "docs" / "permissions.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
