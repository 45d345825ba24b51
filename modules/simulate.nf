process SIMULATE {
    tag 'cohort'
    label 'cohort'

    input:
    val checked
    val args
    val code

    output:
    path 'cohort', emit: cohort

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'simulate.py' --out cohort ${args}
    """

    stub:
    """
    'simulate.py' --help > /dev/null
    mkdir cohort
    touch cohort/cn0.nii.gz
    printf '%s\\n' scan,subject,image,label cn0,cn0,cn0.nii.gz,CN > cohort/samplesheet.csv
    """
}
