"""Modality Performed Procedure Step SCP: N-CREATE and N-SET of PS3.4 Annex F.7, and Retrieve SCP: N-GET of F.8."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from django.db import InterfaceError, OperationalError
from pydicom.dataset import Dataset

from dimse import charsets, services, statuses
from dimse.dispatch import without_values
from dimse.errors import DimseFailure
from dimse.services import Answer, CreateRequest, GetAnswer, GetRequest, Request, Service, SetRequest, Verb, Warned
from mpps import actions, datasets, retrieval
from mpps.errors import Refused, resource_limitation
from mpps.received import Received
from ris import clock
from ris.db import shortage
from ris.peers import site_of

logger = logging.getLogger(__name__)
R = TypeVar("R")
A = TypeVar("A")


def _or_later(handler: Callable[[R], A]) -> Callable[[R], A]:
    """The handler, which answers 0213H when the database lacks something that it may have again in a while."""

    @wraps(handler)
    def handle(request: R) -> A:
        try:
            return handler(request)
        except (OperationalError, InterfaceError) as error:
            lacking = shortage(error)
            if not lacking:
                raise
            logger.error("%s is answered 0213H, %s: %s", handler.__name__, lacking, without_values(error))
            raise failure(resource_limitation(lacking)) from error

    return handle


@_or_later
def n_create(request: CreateRequest) -> Answer | Warned:
    """0000, a warning, or the failure of the refusal; the UID that was assigned to a request without one goes back in the response."""
    return _answer(actions.n_create, received(request, Verb.N_CREATE, request.sop_instance_uid, request.attribute_list))


@_or_later
def n_set(request: SetRequest) -> Answer | Warned:
    """0000, a warning, or the failure of the refusal."""
    return _answer(actions.n_set, received(request, Verb.N_SET, request.sop_instance_uid, request.modification_list))


def _answer(verb: Callable[[Received], object], message: Received) -> Answer | Warned:
    warnings: list[Warned] = []
    try:
        verb(replace(message, warn=warnings.append))
    except Refused as refusal:
        raise failure(refusal) from refusal
    return warnings[-1] if warnings else (statuses.SUCCESS, None)


@_or_later
def n_get(request: GetRequest) -> GetAnswer:
    """The attributes asked for, in the character set of the station that asks, or in UTF-8 where they do not fit in it (ADR 8)."""
    peer = request.association
    site = site_of(peer.called_ae_title, peer.calling_ae_title)
    try:
        found = retrieval.retrieve(site, request.sop_instance_uid.strip(" \0"), request.attribute_identifiers, peer.calling_ae_title)
    except Refused as refusal:
        raise failure(refusal) from refusal
    dataset = datasets.whole(found.attributes)
    terms = charsets.choose(datasets.texts(found.attributes), found.profile.character_set or charsets.UTF_8)
    if terms:
        dataset.SpecificCharacterSet = list(terms) if len(terms) > 1 else terms[0]
    return GetAnswer(found.status, dataset, found.left_out)


def received(request: Request, verb: Verb, sop_instance_uid: str, dataset: Dataset) -> Received:
    """The request as the domain takes it. Raises DimseFailure 0118H when it is about another SOP class than this one."""
    if request.sop_class_uid != services.MODALITY_PERFORMED_PROCEDURE_STEP:
        raise DimseFailure(statuses.NO_SUCH_SOP_CLASS, "Only Modality Performed Procedure Step is served here")
    peer = request.association
    site = site_of(peer.called_ae_title, peer.calling_ae_title)
    return Received(
        site=site,
        verb=verb,
        sop_instance_uid=sop_instance_uid.strip(" \0"),
        dataset=datasets.from_dataset(dataset),
        received_at=clock.now(site),
        calling_ae_title=peer.calling_ae_title,
        called_ae_title=peer.called_ae_title,
        address=peer.address,
        message_id=request.message_id,
        transfer_syntax=request.transfer_syntax,
        raw=request.raw,
        notes=request.notes,
    )


def failure(refusal: Refused) -> DimseFailure:
    """The refusal with its status, Error Comment, Error ID and the attributes that it is about."""
    return DimseFailure(
        refusal.status,
        refusal.comment,
        error_id=refusal.error_id,
        offending=refusal.offending,
        attribute_list=datasets.to_dataset(refusal.attribute_list),
    )


MPPS = Service(
    services.MODALITY_PERFORMED_PROCEDURE_STEP,
    "Modality Performed Procedure Step",
    {Verb.N_CREATE: n_create, Verb.N_SET: n_set},
)
MPPS_RETRIEVE = Service(services.MPPS_RETRIEVE, "MPPS Retrieve", {Verb.N_GET: n_get})
