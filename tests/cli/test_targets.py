"""``crossdock targets``: what people see of a target, and the switches, with a reason each."""

import json


def asked(crossdock, *arguments):
    ran = crossdock(*arguments, "--json")
    assert ran.exit_code == 0, ran.stderr
    return {one["target"]: one for one in json.loads(ran.stdout)["targets"]}


def test_the_targets_are_listed_with_what_their_connectors_declare(crossdock, told):
    found = asked(crossdock, "targets", "list")
    assert {"erp", "supplier_edi"} <= set(found)
    assert found["erp"]["rules"]["remembers_s"] == 604800
    ran = crossdock("targets", "list")
    title, *lines = [line.split()[:3] for line in ran.stdout.splitlines()]
    assert title == ["TARGET", "MODE", "STATE"]
    assert [line[0] for line in lines] == sorted(found)
    assert {tuple(line[1:]) for line in lines} == {("live", "closed")}


def test_a_target_is_paused_shown_and_resumed(crossdock, told):
    assert crossdock("targets", "pause", "erp").exit_code == 5, "not without a reason"
    assert crossdock("targets", "pause", "erp", "--reason", "upgrade tonight").exit_code == 0
    shown = crossdock("targets", "show", "erp")
    assert "upgrade tonight" in shown.stdout
    assert "crossdock targets resume erp" in shown.stderr
    assert asked(crossdock, "targets", "show", "erp")["erp"]["may_be_called"] is False
    assert crossdock("targets", "resume", "erp", "--reason", "done").exit_code == 0
    assert crossdock("targets", "resume", "erp", "--reason", "done").exit_code == 5, "nothing to resume"


def test_a_switch_is_thrown_and_taken_back(crossdock, told):
    stopped = asked(crossdock, "targets", "stop", "erp", "--operation", "hold", "--reason", "wrong orders")
    assert [one["operation"] for one in stopped["erp"]["stops"]] == ["hold"]
    assert stopped["erp"]["may_be_called"] is True
    everything = asked(crossdock, "targets", "stop", "*", "--reason", "nothing leaves")
    assert {one["may_be_called"] for one in everything.values()} == {False}
    assert asked(crossdock, "targets", "allow", "*", "--reason", "we know")["erp"]["may_be_called"] is True


def test_a_mode_is_set_and_a_wrong_word_is_answered_with_the_right_one(crossdock, told):
    assert asked(crossdock, "targets", "mode", "erp", "shadow", "--reason", "x")["erp"]["mode"] == "shadow"
    wrong = crossdock("targets", "mode", "erp", "shadwo", "--reason", "x")
    assert (wrong.exit_code, "did you mean 'shadow'?" in wrong.stderr) == (2, True)
    assert crossdock("targets", "pause", "moon", "--reason", "x").exit_code == 2
    assert crossdock("targets", "stop", "erp", "--operation", "fly", "--reason", "x").exit_code == 2
    assert crossdock("targets", "stop", "*", "--operation", "hold", "--reason", "x").exit_code == 2
