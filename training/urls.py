"""Addresses of the training room's pages."""

from django.urls import path

from training.web import console_messages, console_screens, consoles, faults

urlpatterns = [
    path("consoles/", consoles.listing, name="consoles"),
    # No AE title has more than 16 characters, so that this is none.
    path("consoles/set-up-new-console/", consoles.set_up, name="console-new"),
    path("consoles/<aet:ae_title>/edit/", consoles.edit, name="console-edit"),
    path("consoles/<aet:ae_title>/remove/", consoles.remove, name="console-remove"),
    path("consoles/<aet:ae_title>/keys/<slug:key>/", console_screens.press, name="console-key"),
    path("consoles/<aet:ae_title>/acts/<int:pk>/withdraw/", console_screens.withdraw, name="console-withdraw"),
    path("consoles/<aet:ae_title>/messages/<int:pk>/", console_messages.show, name="console-message"),
    path("consoles/<aet:ae_title>/messages/<int:pk>/why/", console_messages.explain, name="console-message-why"),
    path("consoles/<aet:ae_title>/", console_screens.show, name="console"),
    path("faults/", faults.listing, name="faults"),
    path("faults/<int:pk>/end/", faults.switch_off, name="fault-off"),
    path("faults/inject/<slug:name>/", faults.switch_on, name="fault-on"),
]
