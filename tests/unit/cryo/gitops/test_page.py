from cryo.gitops.object_change import ObjectChange
from cryo.gitops.page import Preview, marker, write_markdown
from cryo.gitops.settings_change import Reserved, SettingChange

RESERVED = Reserved(2, 0.5, 512.0)


def preview(**more):
    filled = {
        "stack": "staging",
        "commit": "a" * 40,
        "traffic": ("model-server: traffic moves from blue to green",),
        "settings": (SettingChange("apps.model-server.active", "blue", "green"),),
        "migrations": (),
        "edited": (),
        "reserved": (RESERVED, Reserved(4, 1.0, 1024.0)),
        "objects": (ObjectChange("Job", "release", "replace", ("spec.a",)),),
    }
    return Preview(**(filled | more))


def test_the_comment_begins_with_the_mark_by_which_it_is_found_again():
    assert write_markdown(preview()).startswith(marker("staging") + "\n")


def test_the_comment_tells_traffic_settings_cost_and_objects():
    page = write_markdown(preview())

    for line in (
        "- model-server: traffic moves from blue to green",
        "- `apps.model-server.active: blue -> green`",
        "- 2 pods, 0.5 cores, 512 MiB -> 4 pods, 1 cores, 1024 MiB",
        "**Objects (1 replace)**",
        "- `replace Job/release: spec.a`",
    ):
        assert line in page.splitlines()


def test_nothing_to_do_is_told_as_0_changes():
    assert "- 0 changes" in write_markdown(preview(objects=()))


def test_a_cluster_that_was_not_asked_is_not_told_as_unchanged():
    page = write_markdown(preview(objects=None))

    assert "not asked" in page
    assert "0 changes" not in page


def test_a_comment_stays_below_what_a_host_takes():
    many = tuple(SettingChange(f"key.{number}", None, "x" * 100) for number in range(5000))

    page = write_markdown(preview(settings=many))

    assert len(page) < 65_536
    assert "4900 more" in page
