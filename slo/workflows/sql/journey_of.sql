-- The journey of a message `seen` with a key of `mapping`, and whether it is only probably there. Expressions.
            -- A number that served several patients: the era of the message's patient, else of its time.
            arrayFirst(era -> seen.patient != '' AND era.1 = seen.patient, mapping.eras) AS of_patient,
            arraySort(era -> era.2, arrayFilter(era -> era.2 <= seen.at, mapping.eras)) AS until,
            multiIf(
                mapping.root = ''{{unsure}}, seen.token,
                empty(mapping.eras), mapping.root,
                of_patient.3 != '', of_patient.3,
                notEmpty(until), until[-1].3,
                mapping.eras[1].3) AS journey,
            mapping.sure = 'probable' AND journey != seen.token AS probable
