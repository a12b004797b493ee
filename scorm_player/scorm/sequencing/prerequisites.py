"""Prerequisites of SCORM 1.2 (`adlcp:prerequisites`, type `aicc_script`; CAM 1.2, 2.3.2.5.1)."""

from scorm_player.scorm.sequencing.tree import ActivityTree, Node


def are_prerequisites_met(tree: ActivityTree, node: Node) -> bool:
    return True
