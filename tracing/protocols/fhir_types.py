"""The names FHIR defines: resource types of R4 to R5, operations of R4, and what kinds of issue mean.

Read by the FHIR modules. What stands in a URL or a body is recorded only if it is one of these names, since
anything else in its place could be an identifier.
"""

from __future__ import annotations

RESOURCE_TYPES = frozenset(
    """
Account ActivityDefinition ActorDefinition AdministrableProductDefinition AdverseEvent AllergyIntolerance
Appointment AppointmentResponse ArtifactAssessment AuditEvent Basic Binary BiologicallyDerivedProduct
BiologicallyDerivedProductDispense BodySite BodyStructure Bundle CapabilityStatement CarePlan CareTeam
CatalogEntry ChargeItem ChargeItemDefinition Citation Claim ClaimResponse ClinicalImpression
ClinicalUseDefinition CodeSystem Communication CommunicationRequest CompartmentDefinition Composition
ConceptMap Condition ConditionDefinition Consent Contract Coverage CoverageEligibilityRequest
CoverageEligibilityResponse DetectedIssue Device DeviceAssociation DeviceDefinition DeviceDispense
DeviceMetric DeviceRequest DeviceUsage DeviceUseStatement DiagnosticReport DocumentManifest
DocumentReference EffectEvidenceSynthesis Encounter EncounterHistory Endpoint EnrollmentRequest
EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceReport EvidenceVariable ExampleScenario
ExplanationOfBenefit FamilyMemberHistory Flag FormularyItem GenomicStudy Goal GraphDefinition Group
GuidanceResponse HealthcareService ImagingSelection ImagingStudy Immunization ImmunizationEvaluation
ImmunizationRecommendation ImplementationGuide Ingredient InsurancePlan InventoryItem InventoryReport
Invoice Library Linkage List Location ManufacturedItemDefinition Measure MeasureReport Media Medication
MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest MedicationStatement
MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductDefinition
MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem
NutritionIntake NutritionOrder NutritionProduct Observation ObservationDefinition OperationDefinition
OperationOutcome Organization OrganizationAffiliation PackagedProductDefinition Parameters Patient
PaymentNotice PaymentReconciliation Permission Person PlanDefinition Practitioner PractitionerRole
Procedure Provenance Questionnaire QuestionnaireResponse RegulatedAuthorization RelatedPerson RequestGroup
RequestOrchestration Requirements ResearchDefinition ResearchElementDefinition ResearchStudy
ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen
SpecimenDefinition StructureDefinition StructureMap Subscription SubscriptionStatus SubscriptionTopic
Substance SubstanceDefinition SubstanceNucleicAcid SubstancePolymer SubstanceProtein
SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest
Task TerminologyCapabilities TestPlan TestReport TestScript Transport ValueSet VerificationResult
VisionPrescription
""".split()  # noqa: SIM905
)

OPERATIONS = frozenset(
    """
$add $apply $assemble $bulk-publish $care-gaps $check-system-version $cleanup $closure $collect-data
$conforms $convert $current-canonical $data-requirements $davinci-data-export $diff $docref $document
$draft-invoice-create $enroll $evaluate $evaluate-measure $events $everything $expand $export $extract
$find $find-matches $get-resource-counts $graph $graphql $import $inquire $invalidate $lastn $link
$listconnected $lookup $match $member-add $member-match $member-remove $merge $meta $meta-add $meta-delete
$package $populate $populatehtml $populatelink $preferred-id $process-message $purge $questionnaire
$questionnaire-package $reindex $remove $snapshot $stats $status $submit $submit-attachment $submit-data
$subsumes $subset $summary $transform $translate $undo-merge $validate $validate-code $versions
$viewdefinition-run
""".split()  # noqa: SIM905
)

TRANSIENT_ISSUES = frozenset(
    {"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"}
)
"""Issue types where the receiver failed; with any other it refuses."""

ID_KINDS = {
    "Encounter": "visit",
    "Account": "account",
    "ServiceRequest": "order",
    "Claim": "claim",
    "Appointment": "appointment",
    "ChargeItem": "charge",
    "Invoice": "invoice",
    "Patient": "mrn",
}
"""The kind of business key that a resource's logical ID is."""

IDENTIFIER_KINDS = ID_KINDS | {"ClaimResponse": "claim"}
"""The kind of business key that a resource's identifiers are, where their type does not say."""

IDENTIFIER_TYPES = {"VN": "visit", "AN": "account", "MR": "mrn", "PLAC": "order", "FILL": "order"}
"""HL7 v2 table 0203 and its FHIR code system."""

PRIVATE_IDENTIFIER_TYPES = frozenset(
    """
SS SB SSN DL PPN TAX NNXXX CZ BRN WP MB MC MCD MCR MA HC NH NIIP SN BA BC CC DR DDS MD
""".split()  # noqa: SIM905
)
"""Kinds of identifiers (HL7 table 0203) that no system of a hospital is joined by: a person's papers, numbers
of insurances and banks. Not even their tokens are kept."""

PRIVATE_AUTHORITIES = frozenset(
    {
        "2.16.840.1.113883.4.1",
        "2.16.840.1.113883.4.572",
        "2.16.840.1.113883.4.927",
        "HTTP://HL7.ORG/FHIR/SID/US-SSN",
        "HTTP://HL7.ORG/FHIR/SID/US-MEDICARE",
        "HTTP://HL7.ORG/FHIR/SID/US-MBI",
        "SSA",
        "USSSA",
        "SSN",
    }
)
"""Who gives such numbers, whatever type they are said to be: US social security and Medicare."""

REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "Encounter": (
        ("account", "Account"),
        ("basedOn", "ServiceRequest"),
        ("appointment", "Appointment"),
        ("subject", "Patient"),
    ),
    "Account": (("subject", ""),),
    "Claim": (
        ("encounter", "Encounter"),
        ("item.encounter", "Encounter"),
        ("referral", "ServiceRequest"),
        ("patient", "Patient"),
    ),
    "ClaimResponse": (("request", "Claim"), ("patient", "Patient")),
    "ExplanationOfBenefit": (("claim", "Claim"), ("item.encounter", "Encounter"), ("patient", "Patient")),
    "ChargeItem": (
        ("context", ""),
        ("encounter", "Encounter"),
        ("account", "Account"),
        ("service", ""),
        ("subject", "Patient"),
    ),
    "Invoice": (
        ("account", "Account"),
        ("lineItem.chargeItemReference", "ChargeItem"),
        ("subject", "Patient"),
    ),
    "Appointment": (("basedOn", "ServiceRequest"), ("participant.actor", "")),
    "ServiceRequest": (("encounter", "Encounter"), ("subject", "Patient")),
    "Patient": (),
    "PaymentReconciliation": (),
    "Bundle": (),
    "Parameters": (),
}
"""Elements that refer to resources with keys; the type is what an untyped reference there must mean."""

COMMON_REFERENCES = (
    ("encounter", "Encounter"),
    ("context", ""),
    ("context.encounter", ""),
    ("account", "Account"),
    ("basedOn", ""),
    ("subject", ""),
    ("patient", "Patient"),
    ("beneficiary", "Patient"),
    ("for", ""),
)
"""The same for every resource type without a row of its own."""


def places() -> list[tuple[str, str]]:
    """Kinds of keys and the resources whose logical IDs and identifiers they are."""
    return [(kind, f"{name}.{part}") for name, kind in ID_KINDS.items() for part in ("identifier", "id")]
