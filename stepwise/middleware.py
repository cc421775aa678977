"""What all answers have in common, whichever view made them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.urls import reverse

Answering = Callable[[HttpRequest], HttpResponseBase]


def method_refusals(answer: Answering) -> Answering:
    """A method that a REST call does not take is refused as everything else there: 405 with `{"detail": sentence}`."""

    def refusing(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        if not isinstance(response, HttpResponseNotAllowed) or not request.path.startswith(reverse("api:api-root")):
            return response
        allowed = ", ".join(sorted(response["Allow"].split(", ")))
        refusal = {"detail": f"{request.path} does not take {request.method}; it takes {allowed}."}
        return JsonResponse(refusal, status=405, headers={"Allow": allowed})

    return refusing
