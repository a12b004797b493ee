"""Selection and randomization (SN 4.7; SR.1, SR.2): which children a cluster has in this attempt, and in which order.

The book leaves open when children are chosen anew for each attempt. Here it happens when an attempt on the cluster
ends, so that whoever looks for the next activity already finds the children of the next attempt.
"""

from scorm_player.scorm.sequencing.definition import Timing
from scorm_player.scorm.sequencing.tree import ActivityTree, Node


def prepare_clusters(tree: ActivityTree) -> None:
    """Choose the children of every cluster that has not had its first choice yet; when a session begins."""
    for node in tree.nodes.values():
        if not node.state.children_selected:
            select_children(tree, node)
        if not node.state.children_randomized:
            randomize_children(tree, node)


def needs_preparation(tree: ActivityTree) -> bool:
    """Tell whether `prepare_clusters` would change anything."""
    return any(
        not _is_ready(node.state.children_selected, node.definition.selection.timing)
        or not _is_ready(node.state.children_randomized, node.definition.randomization.timing)
        for node in tree.nodes.values()
        if _may_change(node)
    )


def _is_ready(done: bool, timing: Timing) -> bool:
    return done or timing is Timing.NEVER


def prepare_next_attempt(tree: ActivityTree, cluster: Node) -> None:
    """Choose anew the children of a cluster that asks for it on each new attempt."""
    if cluster.definition.selection.timing is Timing.ON_EACH_NEW_ATTEMPT:
        select_children(tree, cluster)
    if cluster.definition.randomization.timing is Timing.ON_EACH_NEW_ATTEMPT:
        randomize_children(tree, cluster)


def select_children(tree: ActivityTree, cluster: Node) -> None:
    """SR.1: pick as many children as the manifest says, in their original order."""
    selection = cluster.definition.selection
    if not _may_change(cluster) or selection.timing is Timing.NEVER:
        return
    if selection.count is not None and selection.count < len(cluster.children):
        picked = tree.generator.sample(range(len(cluster.children)), selection.count)
        tree.set_available(cluster, [cluster.children[place] for place in sorted(picked)])
    cluster.state.children_selected = True


def randomize_children(tree: ActivityTree, cluster: Node) -> None:
    """SR.2: shuffle the selected children."""
    randomization = cluster.definition.randomization
    if not _may_change(cluster) or randomization.timing is Timing.NEVER:
        return
    if randomization.reorder_children:
        tree.set_available(cluster, tree.generator.sample(cluster.available, len(cluster.available)))
    cluster.state.children_randomized = True


def _may_change(cluster: Node) -> bool:
    return not (cluster.is_leaf or cluster.state.is_active or cluster.state.is_suspended)
