process FLOOR {
    tag "${[slices].flatten().size()} controls"
    label 'cohort'

    input:
    path slices, stageAs: 'slices/*'
    path reconstructions, stageAs: 'reconstructions/*'
    val code

    output:
    path 'floor', emit: floor, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    floor.py slices/* --reconstructions reconstructions --out floor ${task.ext.args}
    """

    stub:
    """
    floor.py --help > /dev/null
    mkdir floor
    """
}
