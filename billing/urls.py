"""Addresses of the biller's pages."""

from django.urls import path

from billing import accounting_page, late_page, ledger_page, rules_page, sending, unbilled_page, views, withdrawing

urlpatterns = [
    path("charges/", views.listing, name="charges"),
    path("charges/ledger/", ledger_page.show, name="charge-ledger"),
    path("accounting/", accounting_page.show, name="accounting"),
    path("accounting/export.csv", accounting_page.export, name="accounting-csv"),
    path("unbilled/", unbilled_page.show, name="unbilled"),
    path("unbilled/exams/<int:pk>/capture/", late_page.capture, name="unbilled-capture"),
    path("unbilled/exams/<int:pk>/nothing/", late_page.nothing_for_exam, name="unbilled-nothing"),
    path("unbilled/performed/<int:pk>/nothing/", late_page.nothing_for_performed, name="unbilled-performed-nothing"),
    path("charges/rules/", rules_page.show, name="charge-rules"),
    path("charges/send-again/", sending.send_all_again, name="charges-send-again"),
    path("charges/<int:pk>/", views.show, name="charge"),
    path("charges/<int:pk>/release/", views.release, name="charge-release"),
    path("charges/<int:pk>/retry/", views.retry, name="charge-retry"),
    path("charges/<int:pk>/void/", withdrawing.void, name="charge-void"),
    path("charges/<int:pk>/credit/", withdrawing.credit, name="charge-credit"),
    path("charges/<int:pk>/write-off/", withdrawing.write_off, name="charge-write-off"),
]
