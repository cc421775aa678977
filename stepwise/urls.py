"""URLs of the project; each room brings its own."""

from django.urls import URLPattern, URLResolver, include, path

from ris.web import ae_titles  # noqa: F401  # the converter `aet`
from stepwise.api import api
from stepwise.health import healthz
from stepwise.web import (
    associations,
    board,
    connecting,
    connecting_acts,
    exchange,
    exchange_again,
    explanations,
    findings,
    modality_report,
    pages,
    performed,
    roles,
    statement,
    step,
)
from stepwise.web.sign_in import SignIn, SignOut

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.home, name="home"),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", SignOut.as_view(), name="sign-out"),
    path("help/", pages.help_page, name="help"),
    path("conformance/", statement.show, name="conformance"),
    path("roles/", roles.show, name="roles"),
    path("help/threat-model/", pages.threat_model, name="threat-model"),
    path("pulse/", pages.pulse, name="pulse"),
    path("steps/<int:pk>/", step.show, name="step"),
    path("steps/<int:pk>/explanation/", explanations.of_step, name="step-explanation"),
    path("stations/<aet:ae_title>/queries/", explanations.of_station, name="station-queries"),
    path("stations/<aet:ae_title>/findings/", findings.of_station, name="station-findings"),
    path("stations/<aet:ae_title>/report/", modality_report.show, name="station-report"),
    path("stations/<aet:ae_title>/report/file/", modality_report.file, name="station-report-file"),
    path("performed/", board.show, name="performed"),
    path("performed/<int:pk>/", performed.show, name="performed-step"),
    path("associations/", associations.listing, name="associations"),
    path("associations/<uuid:pk>/", associations.show, name="association"),
    path("connect/", connecting.listing, name="connect"),
    # No AE title has more than 16 characters, so that these are none.
    path("connect/card-for-the-service-engineer/", connecting.print_card, name="connect-card-general"),
    path("connect/be-called-so-no-more/", connecting_acts.forget, name="connect-forget"),
    path("connect/<aet:ae_title>/card/", connecting.print_card, name="connect-card"),
    path("connect/<aet:ae_title>/do/<slug:verb>/", connecting_acts.act, name="connect-act"),
    path("connect/<aet:ae_title>/", connecting.station, name="connect-station"),
    path("associations/<uuid:pk>/messages/<int:number>/", exchange.show, name="exchange"),
    path("associations/<uuid:pk>/messages/<int:number>/files/", exchange.files, name="exchange-files"),
    path("associations/<uuid:pk>/messages/<int:number>/again/", exchange_again.again, name="exchange-again"),
    path("associations/<uuid:pk>/messages/<int:number>/beside/", exchange.beside, name="exchange-beside"),
    path("", include("ris.urls")),
    path("", include("mpps.urls")),
    path("", include("billing.urls")),
    path("", include("training.urls")),
    path("api/v1/", api.urls),
    path("healthz", healthz, name="healthz"),
]

handler400 = "stepwise.web.errors.not_understood"
handler404 = "stepwise.web.errors.not_found"
handler500 = "stepwise.web.errors.failed"
