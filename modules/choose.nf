process CHOOSE {
    tag "${[tables].flatten().size()} scans"
    label 'cohort'

    input:
    path tables, stageAs: 'tables/*'
    val args
    val code

    output:
    path 'tuning/settings.json', emit: settings
    path 'tuning/*', emit: tables

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'choose.py' tables/* --out tuning ${args}
    """

    stub:
    """
    'choose.py' --help > /dev/null
    mkdir tuning
    touch tuning/settings.json
    """
}
