"""IMS Simple Sequencing as SCORM 2004 profiles it: one module per chapter of the SN book, one function per process.

    tree = ActivityTree(structure, SequencingState.from_json(stored))    # definition and state, joined
    outcome = begin_session(tree)                                        # resume or start
    outcome = transfer.conclude(tree, run_time_outcome, elements, asked) # Terminate, and what the learner asked for
    outlook = look_ahead(tree)                                           # what may be asked for next, with reasons
    stored = tree.state.to_json()

Definition (`definition`), state (`state`) and process (all other modules) stand apart. Processes have the book's names
and open with its numbers: OP overall, NB navigation, TB termination, RB rollup, SR selection, SB sequencing,
DB delivery, UP utility. What the book leaves open follows ADL's reference: see `objectives`, `selection`, `scope`.
"""
