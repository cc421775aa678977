"""Addresses of the RIS's pages."""

from django.urls import path

from ris.web import audit_pages, edits, merging, order_page, orders, patients, pools, stations, steps, worklist

urlpatterns = [
    path("audit/", audit_pages.listing, name="audit"),
    path("audit/export.csv", audit_pages.export_csv, name="audit-csv"),
    path("audit/export.json", audit_pages.export_json, name="audit-json"),
    path("audit/<int:pk>/", audit_pages.show, name="audit-record"),
    path("worklist/", worklist.worklist, name="worklist"),
    path("worklist/<slug:stage>/", worklist.worklist, name="worklist-stage"),
    path("find/", patients.find, name="find"),
    path("patients/", patients.listing, name="patients"),
    path("patients/new/", patients.register, name="patient-new"),
    path("patients/<int:pk>/", patients.show, name="patient"),
    path("patients/<int:pk>/edit/", patients.edit, name="patient-edit"),
    path("patients/<int:pk>/merge/", merging.merge, name="patient-merge"),
    path("patients/<int:pk>/undo-merge/", merging.undo, name="patient-undo-merge"),
    path("orders/<int:pk>/", order_page.show, name="order"),
    path("orders/<int:pk>/cancel/", order_page.cancel, name="order-cancel"),
    path("orders/<int:pk>/add/", order_page.add_procedure, name="order-add"),
    path("procedures/<int:pk>/add/", order_page.add_step, name="procedure-add"),
    path("procedures/<int:pk>/cancel/", order_page.cancel_procedure, name="procedure-cancel"),
    path("orders/new/", orders.new, name="order-new"),
    path("orders/new/places/", orders.places, name="order-places"),
    path("steps/<int:pk>/schedule/", steps.schedule, name="step-schedule"),
    path("steps/<int:pk>/schedule/places/", steps.places, name="step-places"),
    path("steps/<int:pk>/edit/", edits.edit, name="step-edit"),
    path("steps/<int:pk>/<slug:verb>/", steps.act, name="step-verb"),
    path("stations/", stations.listing, name="stations"),
    # No AE title has more than 16 characters, so that these are none.
    path("stations/register-a-station/", stations.register, name="station-new"),
    path("stations/make-a-pool-of-stations/", pools.register, name="pool-new"),
    path("stations/pools-of-stations/<path:code>/", pools.edit, name="pool-edit"),
    path("stations/<path:ae_title>/edit/", stations.edit, name="station-edit"),
    path("stations/<path:ae_title>/copy/", stations.copy, name="station-copy"),
    path("stations/<path:ae_title>/switch/", stations.switch, name="station-switch"),
    path("stations/<path:ae_title>/echo/", stations.echo, name="station-echo"),
    path("stations/<path:ae_title>/", stations.show, name="station"),
]
