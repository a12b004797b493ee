from tests.site import looking


def test_a_person_signs_in_and_out_again_with_a_real_browser(live, page_of, size):
    page = page_of("ana", size, by_form=True)

    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()

    page.wait_for_url(live.app + "/sign-in")
    page.goto(live.app + "/home")
    assert page.url.startswith(live.app + "/sign-in")


def test_all_pages_of_the_frame_hold_for_axe_and_fit_the_screen(live, page_of):
    page = page_of("cem")

    for path in ("/home", "/people", "/people/new", "/jobs", "/audit"):
        page.goto(live.app + path)
        assert looking.faults(page) == [], path
